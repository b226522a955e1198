export interface HoursAndMinutes {
  hours: number;
  minutes: number;
}

export function split(total: number): HoursAndMinutes {
  return { hours: Math.floor(total / 60), minutes: total % 60 };
}

export function join({ hours, minutes }: HoursAndMinutes): number {
  return Math.round(hours) * 60 + Math.round(minutes);
}

export interface SpokenWork {
  /** None when the text was not understood. */
  minutes: number | null;
  worked_on: string | null;
  note: string;
}

const DAYS_AGO: Record<string, number> = {
  today: 0, σημερα: 0, avui: 0, vandaag: 0, hoy: 0,
  yesterday: 1, χθεσ: 1, χτεσ: 1, εχθεσ: 1, ahir: 1, gisteren: 1, ayer: 1,
  προχθεσ: 2, προχτεσ: 2, eergisteren: 2, anteayer: 2,
};
const TWO_DAYS_AGO = /(^|\s)(?:(?:the )?day before yesterday|abans d['’]ahir|antes de ayer)(?=\s|$)/gu;
const HOUR_WORD = 'hours?|hores?|horas?|uur|uren|ωρα|ωρεσ';
const MINUTE_WORD = 'minutes?|minuts?|minutos?|minuten|minuut|λεπτα|λεπτο';
const HOUR = `(?:h|hrs?|ω|ωρ|u|${HOUR_WORD})`;
const MINUTE = `(?:m|mins?|λ|${MINUTE_WORD})`;
const AND = '(?:and|i|y|en|και|&)';
const HALF = '(?:(?:a|een) )?(?:half|halve|media|mitja|μιση)';
const END = '(?=\\s|$)';
const CLOCK = new RegExp(`(?:^|\\s)(\\d{1,2}):([0-5]\\d)(?:\\s*${HOUR})?${END}`, 'u');
const AND_A_HALF = new RegExp(`(?:^|\\s)(\\d{1,2})\\s*(?:${HOUR} ${AND} ${HALF}|${AND} ${HALF} ${HOUR})${END}`, 'u');
const WITH_MINUTES = new RegExp(
  `(?:^|\\s)(\\d{1,2})\\s*${HOUR}\\s*(?:${AND}\\s+)?(?:([0-5]?\\d)\\s*${MINUTE}|([0-5]\\d))${END}`, 'u',
);
const HOURS = new RegExp(`(?:^|\\s)(\\d{1,2}(?:[.,]\\d{1,2})?)\\s*${HOUR}${END}`, 'u');
const MINUTES = new RegExp(`(?:^|\\s)(\\d{1,4})\\s*${MINUTE}${END}`, 'u');
/** Numbers that people write as words, where an hour follows. */
const AS_NUMBERS: readonly [RegExp, string][] = [
  [/(^|\s)(?:half an hour|half hour|(?:een )?half uur|media hora|mitja hora|μιση ωρα)(?=\s|$)/gu, '$130 min'],
  [/(^|\s)(?:anderhalf|μιαμιση)(?=\s)/gu, '$11.5'],
  [new RegExp(`(^|\\s)(?:one|an|a|een|una|μια)(?= (?:${HOUR_WORD})${END})`, 'gu'), '$11'],
];
/** Words that change the amount or the day: what is left of them was not read. */
const UNREAD = new RegExp(
  `\\d|½|(?:^|\\s)(?:${HOUR_WORD}|${MINUTE_WORD}|half|halve|media|mitja|μιση|quarter|quart|cuarto|kwart|kwartier|τεταρτο`
  + `|tomorrow|αυριο|μεθαυριο|dema|morgen|overmorgen|manana)${END}`, 'u',
);
const LONGEST = 24 * 60;

function plain(text: string): string {
  const bare = text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '').replaceAll('ς', 'σ');
  return bare.replace(/[.,;!?()]+(?!\d)/gu, ' ').replace(/\s+/gu, ' ').trim();
}

function takeAmount(text: string): { minutes: number; rest: string } | null {
  const readings: [RegExp, (match: RegExpExecArray) => number][] = [
    [CLOCK, (match) => Number(match[1]) * 60 + Number(match[2])],
    [AND_A_HALF, (match) => Number(match[1]) * 60 + 30],
    [WITH_MINUTES, (match) => Number(match[1]) * 60 + Number(match[2] ?? match[3])],
    [HOURS, (match) => Math.round(Number((match[1] ?? '').replace(',', '.')) * 60)],
    [MINUTES, (match) => Number(match[1])],
  ];
  for (const [pattern, count] of readings) {
    const match = pattern.exec(text);
    if (match) return { minutes: count(match), rest: text.replace(match[0], ' ') };
  }
  return null;
}

/** How many days ago; null when no day is named, undefined when there are several. */
function findDay(text: string): number | null | undefined {
  const named = new Set(text.split(/\s+/u).filter((word) => Object.hasOwn(DAYS_AGO, word)).map((word) => DAYS_AGO[word]));
  return named.size > 1 ? undefined : ([...named][0] ?? null);
}

/** Reads "2 h yesterday", "1 h 30", "90 min", "1,5 ω χθες": wholly or, where something stays unread, not at all. */
export function readWork(text: string, today: string): SpokenWork {
  const unread = { minutes: null, worked_on: null, note: text.trim() };
  let words = plain(text).replace(TWO_DAYS_AGO, '$1anteayer');
  for (const [pattern, number] of AS_NUMBERS) words = words.replace(pattern, number);
  const amount = takeAmount(words);
  if (!amount || amount.minutes <= 0 || amount.minutes > LONGEST || UNREAD.test(amount.rest)) return unread;
  const ago = findDay(amount.rest);
  if (ago === undefined) return unread;
  return { minutes: amount.minutes, worked_on: ago === null ? null : daysBefore(today, ago), note: '' };
}

export function daysBefore(day: string, count: number): string {
  const date = new Date(`${day}T12:00:00Z`);
  date.setUTCDate(date.getUTCDate() - count);
  return date.toISOString().slice(0, 10);
}

/** The calendar day where the person is. */
export function localDay(moment = new Date()): string {
  const pad = (value: number) => String(value).padStart(2, '0');
  return `${moment.getFullYear()}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())}`;
}
