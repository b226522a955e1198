import type { Job } from '../api/types';

export type JobCount = 'create' | 'update' | 'unchanged' | 'skip' | 'withdrawn' | 'restored' | 'kept';

/** A count of an import's result; what a failed job never counted is zero. */
export function countOf(job: Job, name: JobCount): number {
  const count = job.result?.[name];
  return typeof count === 'number' ? count : 0;
}
