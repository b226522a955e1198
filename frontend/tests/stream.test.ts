import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { patience, Stream, type Source } from '../src/lib/stream';

class FakeSource implements Source {
  onerror: ((event: Event) => void) | null = null;
  closed = false;
  #heard = new Map<string, (event: MessageEvent<string>) => void>();

  addEventListener(type: string, heard: (event: MessageEvent<string>) => void): void {
    this.#heard.set(type, heard);
  }
  say(type: string, data: unknown): void {
    this.#heard.get(type)?.({ data: typeof data === 'string' ? data : JSON.stringify(data) } as MessageEvent<string>);
  }
  fail(): void {
    this.onerror?.({} as Event);
  }
  close(): void {
    this.closed = true;
  }
}

function listening() {
  const sources: FakeSource[] = [];
  const told = { begun: vi.fn(), heard: vi.fn(), lost: vi.fn() };
  const stream = new Stream<{ unread: number }>(() => {
    const source = new FakeSource();
    sources.push(source);
    return source;
  }, told);
  const last = () => sources.at(-1) as FakeSource;
  return { stream, sources, told, last };
}

describe('a stream', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('tells what it hears, and lets nonsense pass', () => {
    const { stream, told, last } = listening();
    stream.start();
    last().say('hello', { number: 1 });
    last().say('notice', { unread: 2 });
    last().say('notice', '<html>');
    expect(told.begun).toHaveBeenCalledWith(false);
    expect(told.heard.mock.calls).toEqual([[{ unread: 2 }]]);
  });

  it('comes back after a loss, and says that something may have been missed', () => {
    const { stream, sources, told, last } = listening();
    stream.start();
    last().say('hello', {});
    last().fail();
    expect(sources[0]?.closed).toBe(true);
    expect(told.lost).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(2_000);
    expect(sources).toHaveLength(2);
    last().say('hello', {});
    expect(told.begun).toHaveBeenLastCalledWith(true);
  });

  it('tries ever more seldom while nobody answers', () => {
    const { stream, sources, last } = listening();
    stream.start();
    const begun = Date.now();
    for (let tries = 0; tries < 10; tries++) {
      last().fail();
      vi.advanceTimersToNextTimer();
    }
    expect(sources).toHaveLength(11);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(180_000);
    expect(patience(0, 1)).toBe(2_000);
    expect(patience(3, 1)).toBe(16_000);
    expect(patience(50, 1)).toBe(60_000);
    expect(patience(50, 0)).toBe(30_000);
  });

  it('takes an open stream that never greets for lost', () => {
    const { stream, told, last } = listening();
    stream.start();
    const silent = last();
    vi.advanceTimersByTime(20_000);
    expect(silent.closed).toBe(true);
    expect(told.lost).toHaveBeenCalledTimes(1);
  });

  it('stops for good, also between two tries, and begins again when asked', () => {
    const { stream, sources, told, last } = listening();
    stream.start();
    stream.start();
    expect(sources).toHaveLength(1);
    last().fail();
    stream.stop();
    vi.advanceTimersByTime(600_000);
    expect(sources).toHaveLength(1);
    stream.start();
    last().say('hello', {});
    stream.stop();
    last().fail();
    expect(told.lost).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(600_000);
    expect(sources).toHaveLength(2);
  });
});
