import { formatMoment } from '../lib/dates';
import { language, t, type MessageId } from './index.svelte';

interface Step {
  code: string;
  at: string;
}

/** What the clocks do next unless something happens, in the reader's own time. */
export function clockWords(step: Step): string {
  const id = `clock.${step.code}` as Extract<MessageId, `clock.${string}`>;
  const say = t as (id: MessageId, values: { when: string }) => string;
  return say(id, { when: formatMoment(step.at, language()) });
}
