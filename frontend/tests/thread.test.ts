import { describe, expect, it } from 'vitest';
import { firstUnread, refreshed } from '../src/lib/thread';

const message = (n: number, mine = false) => ({ id: `m${n}`, created_at: `2026-03-01T10:00:${10 + n}Z`, mine });
const page = (from: number, to: number, next_cursor: string | null) => ({
  items: Array.from({ length: from - to + 1 }, (_, at) => message(from - at)),
  next_cursor,
});

describe('a thread that is open', () => {
  it('keeps what was unfolded when something new arrives', () => {
    const known = page(6, 1, 'before-1');
    const now = refreshed(page(8, 4, 'before-4'), known);
    expect(now.items.map((one) => one.id)).toEqual(['m8', 'm7', 'm6', 'm5', 'm4', 'm3', 'm2', 'm1']);
    expect(now.next_cursor).toBe('before-1');
  });

  it('takes the fresh page alone where the two do not touch, or nothing was unfolded', () => {
    expect(refreshed(page(9, 8, 'x'), page(3, 1, null))).toEqual(page(9, 8, 'x'));
    expect(refreshed(page(3, 1, null), page(3, 1, null))).toEqual(page(3, 1, null));
    expect(refreshed({ items: [], next_cursor: null }, page(3, 1, null)).items).toEqual([]);
    expect(refreshed(page(2, 1, null), null)).toEqual(page(2, 1, null));
  });

  it('begins at the oldest unread message of others', () => {
    const items = [message(5), message(4, true), message(3), message(2)];
    expect(firstUnread(items, 2)).toBe('m3');
    expect(firstUnread(items, 9)).toBe('m2');
    expect(firstUnread(items, 0)).toBeNull();
    expect(firstUnread([message(1, true)], 1)).toBeNull();
  });
});
