import type { WorkerShare } from '../api/types';

export interface Bar {
  worker: string;
  minutes: number;
  share: string;
  /** Width in units of a plot that is 100 wide; the longest bar fills it. */
  width: number;
}

/** Bars from what the book says: the shares are the server's, never computed anew here. */
export function sharesBars(workers: readonly WorkerShare[]): Bar[] {
  const longest = Math.max(1, ...workers.map((one) => one.minutes));
  return workers.map((one) => ({
    worker: one.display_name || one.handle,
    minutes: one.minutes,
    share: one.share_percent,
    width: Math.max(0.5, Math.round((one.minutes / longest) * 1000) / 10),
  }));
}
