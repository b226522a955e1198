import { asProblem, type Problem } from '../api/problem';

/** Something asked from the server: still coming, here, or not to be had, with the reason. */
export class Resource<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(false);
  #ask: () => Promise<T>;
  #turn = 0;
  #asking: Promise<void> | null = null;

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
  }

  load(): Promise<void> {
    this.#asking = this.#load();
    return this.#asking;
  }

  async #load(): Promise<void> {
    const turn = ++this.#turn;
    this.loading = true;
    try {
      const value = await this.#ask();
      // A slower, older answer never replaces a newer one.
      if (turn !== this.#turn) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (turn === this.#turn) this.problem = asProblem(error);
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }

  /** Asks again unasked: when it cannot be had now, what is shown stays and nobody is bothered. */
  async refresh(): Promise<void> {
    // What is on its way was asked before the news came: it is waited for, and asked again.
    if (this.loading) await this.#asking;
    if (this.value === null) return this.load();
    const turn = ++this.#turn;
    try {
      const value = await this.#ask();
      if (turn === this.#turn) this.value = value;
    } catch {
      // As it was.
    }
  }

  set(value: T): void {
    this.#turn++;
    this.loading = false;
    this.value = value;
    this.problem = null;
  }
}

/** An act of the person: one at a time, and its problem stays visible until the next try. */
export class Act {
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);

  async run(work: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = null;
    try {
      await work();
      return true;
    } catch (error) {
      this.problem = asProblem(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
