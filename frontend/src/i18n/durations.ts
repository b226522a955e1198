import { split } from '../lib/durations';
import { t } from './index.svelte';

export function formatDuration(minutes: number): string {
  const parts = split(Math.abs(minutes));
  const sign = minutes < 0 ? '−' : '';
  if (parts.hours && parts.minutes) return sign + t('format.duration.both', parts);
  if (parts.minutes) return sign + t('format.duration.minutes', { minutes: parts.minutes });
  return sign + t('format.duration.hours', { hours: parts.hours });
}
