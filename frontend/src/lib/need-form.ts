import type { Contact, HarmCheck, HandoverItem, Need, NeedInput, NeedSkill } from '../api/types';

/** The form holds what is typed, also when it cannot be sent yet. */
type Typed = 'clocks' | 'starts_on' | 'time_zone' | 'amount' | 'contacts' | 'priority_days' | 'handover' | 'recurs_months' | 'skills' | 'harm_check' | 'tags' | 'places' | 'link' | 'deadline' | 'beneficiary' | 'external_id';
export interface NeedForm extends Omit<NeedInput, Typed> {
  skills: NeedSkill[];
  harm_check: HarmCheck;
  tags: string;
  places: string;
  link: string;
  deadline: string;
  beneficiary: string;
  starts_on: string;
  time_zone: string;
  amount: string;
  currency: string;
  contacts: Contact[];
  priority_days: string;
  handover: HandoverItem[];
  recurs_months: string;
  clocks: Record<ClockName, string>;
}

/** Fewest and most days that a need may set, and the usual ones; the API holds the same bounds. */
export const CLOCKS = {
  start_days: [1, 14, 3], heartbeat_days: [3, 30, 7], answer_days: [1, 5, 3], confirm_days: [7, 14, 14], renewal_days: [14, 120, 40],
} as const;
export type ClockName = keyof typeof CLOCKS;
export const CLOCK_NAMES = Object.keys(CLOCKS) as ClockName[];
const clocksOf = (days: (name: ClockName) => number | null | undefined) =>
  Object.fromEntries(CLOCK_NAMES.map((name) => [name, days(name) ? String(days(name)) : ''])) as Record<ClockName, string>;

export const CURRENCIES = [
  'EUR', 'ALL', 'BGN', 'CHF', 'CZK', 'DKK', 'GBP', 'HUF', 'MAD', 'NOK', 'PLN', 'RON', 'SEK', 'TRY', 'UAH', 'USD',
] as const;
export const CONTACT_KINDS = ['email', 'signal', 'matrix', 'xmpp', 'url', 'other'] as const;
export const HANDOVER_KINDS = ['domains', 'keys', 'backups', 'exit', 'other'] as const;

const digitsOf = (currency: string) =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;

/** Money with a point or a comma, in the smallest unit; NaN where it is no such number. */
export function minorOf(typed: string, currency: string): number {
  const text = typed.trim().replace(',', '.');
  const digits = digitsOf(currency);
  const [whole = '', part = ''] = text.split('.');
  if (!/^\d{1,12}(\.\d*)?$/.test(text) || part.length > digits) return NaN;
  return Number(whole + part.padEnd(digits, '0'));
}

export function amountOf(minor: number, currency: string): string {
  const digits = digitsOf(currency);
  return (minor / 10 ** digits).toFixed(digits);
}

export function emptyForm(organisation: string, language: string): NeedForm {
  return {
    organisation_id: organisation, title: '', body: '', language, kind: 'labour', stream: 'gift', skills: [],
    skills_unknown: false, tags: '', estimate_minutes: null, places: '1', urgency: 'normal', deadline: '', remote: true,
    region: '', audience: 'public', audience_peers: [], instant: false,
    harm_check: { data: '', misuse: '', avoidable: '' }, link: '', beneficiary: '',
    starts_on: '', time_zone: '', amount: '', currency: 'EUR', contacts: [], contact_public: false, priority_days: '',
    handover: [], recurs_months: '', clocks: clocksOf(() => null),
  };
}

export function formOf(need: Need): NeedForm {
  const { title, body, language, kind, stream, skills, skills_unknown, estimate_minutes, urgency, remote, region } = need;
  return {
    organisation_id: need.organisation?.id ?? '',
    title, body, language, kind, stream, skills: skills.map((one) => ({ ...one })), skills_unknown, estimate_minutes,
    urgency, remote, region,
    tags: need.tags.join(', '),
    places: String(need.places),
    deadline: need.deadline ?? '',
    audience: need.audience,
    audience_peers: [...need.audience_peers],
    instant: need.instant,
    harm_check: need.harm_check ?? { data: '', misuse: '', avoidable: '' },
    link: need.link ?? '',
    beneficiary: need.beneficiary ?? '',
    starts_on: need.starts_on ?? '',
    time_zone: need.time_zone ?? '',
    amount: need.amount ? amountOf(need.amount.minor, need.amount.currency) : '',
    currency: need.amount?.currency ?? 'EUR',
    contacts: need.contacts.map((one) => ({ ...one })),
    contact_public: need.contact_public,
    priority_days: need.priority_days ? String(need.priority_days) : '',
    handover: need.handover.map((one) => ({ text: '', done: false, ...one })),
    recurs_months: need.recurs_months ? String(need.recurs_months) : '',
    clocks: clocksOf((name) => need.clocks[name]),
  };
}

export type SentNeed = NeedInput;

export function inputOf(form: NeedForm, readTags: (text: string) => string[]): SentNeed {
  const { amount, currency, ...said } = form;
  const answers = Object.values(form.harm_check).map((answer) => answer.trim());
  return {
    ...said,
    title: form.title.trim(),
    tags: readTags(form.tags),
    places: Number(form.places) || 1,
    deadline: form.deadline || null,
    region: form.region.trim(),
    audience_peers: form.audience === 'named_peers' ? form.audience_peers : [],
    // Three answers or none: a half-answered check is kept as typed until it is whole.
    harm_check: answers.some(Boolean) ? form.harm_check : null,
    link: form.link.trim() || null,
    beneficiary: form.beneficiary.trim() || null,
    external_id: null,
    starts_on: form.starts_on || null,
    time_zone: form.time_zone.trim() || null,
    amount: amount.trim() ? { minor: minorOf(amount, currency), currency } : null,
    contacts: form.contacts.filter((one) => one.value.trim()),
    priority_days: Number(form.priority_days) || null,
    handover: form.handover.filter((one) => one.text.trim() || one.done),
    recurs_months: Number(form.recurs_months) || null,
    clocks: Object.fromEntries(CLOCK_NAMES.map((name) => [name, Number(form.clocks[name]) || null])) as NeedInput['clocks'],
  };
}
