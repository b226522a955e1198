import type { Job } from '../api/types';

/** A count of an import's result; what a failed job never counted is zero. */
export function countOf(job: Job, name: 'create' | 'update' | 'unchanged' | 'skip'): number {
  const count = job.result?.[name];
  return typeof count === 'number' ? count : 0;
}
