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
  minutes: number | null;
  worked_on: string | null;
  note: string;
}

const DAYS_AGO: Record<string, number> = {
  today: 0, σημερα: 0, avui: 0, vandaag: 0, hoy: 0,
  yesterday: 1, χθεσ: 1, χτεσ: 1, εχθεσ: 1, ahir: 1, gisteren: 1, ayer: 1,
  προχθεσ: 2, eergisteren: 2, anteayer: 2,
};
const HOURS = /(^|\s)(\d{1,2}(?:[.,]\d{1,2})?)\s*(?:h|hr|hrs|hours?|ω|ωρ|ωρα|ωρεσ|hores?|horas?|u|uur|uren)(?=\s|\d|$)\.?/u;
const MINUTES = /(^|\s|\D)(\d{1,3})\s*(?:m|min|mins|minutes?|minuts?|minutos?|minuten|minuut|λ|λεπτα|λεπτο)\.?(?=\s|$)/u;
const CLOCK = /(^|\s)(\d{1,2}):([0-5]\d)(?=\s|$)/u;

function plain(text: string): string {
  return text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '').replaceAll('ς', 'σ');
}

/** Reads "2 h yesterday", "1:30", "90 min", "1,5 ω χθες": what it does not know stays a note. */
export function readWork(text: string, today: string): SpokenWork {
  let rest = plain(text);
  let minutes = 0;
  let found = false;
  const take = (pattern: RegExp, count: (match: RegExpExecArray) => number) => {
    const match = pattern.exec(rest);
    if (!match) return;
    minutes += count(match);
    found = true;
    rest = rest.replace(match[0], ' ');
  };
  take(CLOCK, (match) => Number(match[2]) * 60 + Number(match[3]));
  take(HOURS, (match) => Math.round(Number((match[2] ?? '0').replace(',', '.')) * 60));
  take(MINUTES, (match) => Number(match[2]));
  const day = rest.split(/\s+/).find((word) => word in DAYS_AGO);
  return {
    minutes: found && minutes > 0 && minutes <= 24 * 60 ? minutes : null,
    worked_on: day === undefined ? null : daysBefore(today, DAYS_AGO[day] ?? 0),
    note: found || day !== undefined ? '' : text.trim(),
  };
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
