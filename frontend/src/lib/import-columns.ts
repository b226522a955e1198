// What a column of somebody's file can mean, and the text that names it.
const NAMES = {
  title: 'title', body: 'body', language: 'language', kind: 'kind', stream: 'stream', skills: 'skills', tags: 'tags',
  estimate_minutes: 'estimate_minutes', estimate_hours: 'estimate_hours', places: 'places', urgency: 'urgency', starts_on: 'starts_on', deadline: 'deadline',
  remote: 'remote', region: 'region', audience: 'audience', instant: 'instant', link: 'link', external_id: 'external_id',
  beneficiary: 'beneficiary', organisation: 'organisation', site: 'site', open_tasks: 'open_tasks', updated: 'updated',
  'harm_check.data': 'harm_data', 'harm_check.misuse': 'harm_misuse', 'harm_check.avoidable': 'harm_avoidable',
} as const;

export type ColumnText = (typeof NAMES)[keyof typeof NAMES];
export const IGNORED = '-';

export function columnText(column: string): ColumnText | null {
  return column in NAMES ? NAMES[column as keyof typeof NAMES] : null;
}
