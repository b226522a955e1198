interface Dated {
  id: string;
  created_at: string;
}
export interface Pages<T extends Dated> {
  /** Newest first. */
  items: T[];
  next_cursor?: string | null;
}

/** The newest page as it is now, and behind it what was unfolded before. */
export function refreshed<T extends Dated, P extends Pages<T>>(fresh: P, known: P | null): P {
  const last = fresh.items.at(-1);
  const start = last && known ? known.items.findIndex((one) => one.id === last.id) : -1;
  const older = known && start >= 0 ? known.items.slice(start + 1) : [];
  return older.length ? { ...fresh, items: [...fresh.items, ...older], next_cursor: known?.next_cursor } : fresh;
}

/** Who reads for the first time since then begins here: the oldest of the unread ones. */
export function firstUnread(items: readonly (Dated & { mine: boolean })[], unread: number): string | null {
  if (!unread) return null;
  return items.filter((one) => !one.mine).slice(0, unread).at(-1)?.id ?? null;
}
