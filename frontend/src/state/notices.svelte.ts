import { listNotices, markNoticesRead, STREAM, type News } from '../api/notices';
import { BASE } from '../lib/paths';
import { Stream } from '../lib/stream';
import { session } from './session.svelte';

/** Null: something may have happened, nobody knows what. */
type Listener = (news: News | null) => void;
type Word = { unread: number } | { news: News };

const SHARED = 'tornallom.notices';
const MOST = 100;
/** A tab out of sight lets go after a while: a quick look elsewhere costs no new connection. */
const HIDDEN_WAIT = 60_000;

let unread = $state(0);
let counted = false;
const listeners = new Set<Listener>();
let channel: BroadcastChannel | null = null;

export const notices = {
  get unread() {
    return unread;
  },
};

/** Calls back whenever there is news, until the answer is called: for an `$effect`. */
export function onNews(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function spread(news: News | null): void {
  for (const listener of [...listeners]) listener(news);
}

function count(next: number, share = true): void {
  unread = next;
  if (share) channel?.postMessage({ unread: next } satisfies Word);
}

/** Asks how many wait. The number only helps: when it cannot be had, that of before stays. */
async function recount(): Promise<void> {
  if (!session.me || session.expired) return;
  const before = counted ? unread : null;
  try {
    count((await listNotices({ unread: true, limit: 1 })).unread);
    counted = true;
  } catch {
    return;
  }
  if (before !== null && unread > before) spread(null);
}

export async function markRead(ids: string[] | 'all'): Promise<void> {
  count((await markNoticesRead(ids)).unread);
}

/** What a screen shows was seen there: the notices that lead to it are read. */
export async function sawScreen(path: string): Promise<void> {
  if (!unread || !session.me || session.expired || document.hidden) return;
  const below = path.slice(BASE.length);
  try {
    const { items } = await listNotices({ unread: true, limit: MOST });
    const ids = items.filter((notice) => notice.workspace_href === below && opensHere(notice)).map((notice) => notice.id);
    if (ids.length) await markRead(ids);
  } catch {
    // They stay unread, which is true as far as the server knows.
  }
}

/** The root and the list itself stand for "no screen of its own". */
export function opensHere(notice: { workspace_href: string }): boolean {
  return notice.workspace_href !== '/' && notice.workspace_href !== '/notices';
}

const stream = new Stream<News>(() => new EventSource(STREAM), {
  begun: (again) => {
    if (!again) return;
    void recount();
    spread(null);
  },
  heard: (news) => {
    channel?.postMessage({ news } satisfies Word);
    hear(news);
  },
  // While nothing can be told, it is asked for, as patiently as the stream is tried again.
  lost: () => void recount(),
});

function hear(news: News): void {
  count(news.unread, false);
  spread(news);
}

/** Holds the one stream of this browser, as soon as no other tab holds it. */
function hold(signal: AbortSignal): void {
  const streaming = new Promise<void>((done) => signal.addEventListener('abort', () => done()));
  const run = () => {
    stream.start();
    return streaming.finally(() => stream.stop());
  };
  if (!navigator.locks) return void run();
  navigator.locks.request(SHARED, { signal }, run).catch(() => {});
}

/** Follows what happens for as long as somebody is signed in; the answer ends it. */
export function follow(): () => void {
  let holding: AbortController | null = null;
  let leaving: ReturnType<typeof setTimeout> | undefined;
  channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(SHARED) : null;
  channel?.addEventListener('message', ({ data }: MessageEvent<Word>) => ('news' in data ? hear(data.news) : count(data.unread, false)));

  function begin() {
    clearTimeout(leaving);
    if (holding) return;
    holding = new AbortController();
    hold(holding.signal);
  }
  function end() {
    clearTimeout(leaving);
    holding?.abort();
    holding = null;
  }
  function looked() {
    if (document.hidden) return void (leaving = setTimeout(end, HIDDEN_WAIT));
    begin();
    void recount();
    spread(null);
  }

  void recount();
  if (!document.hidden) begin();
  document.addEventListener('visibilitychange', looked);
  return () => {
    end();
    document.removeEventListener('visibilitychange', looked);
    channel?.close();
    channel = null;
  };
}

/** Nothing of one person's is shown to the next at this computer. */
export function forgetNotices(): void {
  unread = 0;
  counted = false;
}
