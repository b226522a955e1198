/** The part of an EventSource that is used here. */
export interface Source {
  addEventListener(type: string, heard: (event: MessageEvent<string>) => void): void;
  close(): void;
  onerror: ((event: Event) => void) | null;
}

interface Told<T> {
  /** It runs; `again` after a loss, when something may have been missed. */
  begun: (again: boolean) => void;
  heard: (news: T) => void;
  /** It does not run; tried again later by itself. Called at each failed try. */
  lost: () => void;
}

/** How long to wait before the next try: longer each time, and never at one moment for everybody. */
export function patience(tries: number, chance = Math.random()): number {
  const most = Math.min(FIRST_WAIT * 2 ** tries, LONGEST_WAIT);
  return most * (0.5 + chance / 2);
}

const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 60_000;
/** A proxy that keeps everything back until the end would leave the stream open and silent. */
const GREETING_WAIT = 20_000;

/**
 * A stream of the server's, opened again after each loss. The browser would do so by itself, at
 * one pace for ever and not at all after a refusal; this waits ever longer.
 */
export class Stream<T> {
  #open: () => Source;
  #told: Told<T>;
  #source: Source | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;
  #ran = false;

  constructor(open: () => Source, told: Told<T>) {
    this.#open = open;
    this.#told = told;
  }

  start(): void {
    if (this.#source || this.#timer !== undefined) return;
    this.#try();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#source?.close();
    this.#source = null;
    this.#tries = 0;
  }

  #try(): void {
    const source = this.#open();
    this.#source = source;
    this.#timer = setTimeout(() => this.#lose(source), GREETING_WAIT);
    source.addEventListener('hello', () => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#tries = 0;
      this.#told.begun(this.#ran);
      this.#ran = true;
    });
    source.addEventListener('notice', (event) => {
      const news = read<T>(event.data);
      if (news) this.#told.heard(news);
    });
    source.onerror = () => this.#lose(source);
  }

  #lose(source: Source): void {
    if (source !== this.#source) return;
    clearTimeout(this.#timer);
    source.close();
    this.#source = null;
    this.#timer = setTimeout(() => this.#try(), patience(this.#tries++));
    this.#told.lost();
  }
}

function read<T>(data: string): T | null {
  try {
    return JSON.parse(data) as T;
  } catch {
    return null;
  }
}
