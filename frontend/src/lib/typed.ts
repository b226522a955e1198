// Amounts and times as people type them, read as the server's own forms read them (decision 0035):
// what can be meant in two ways is refused, never guessed. tests/vectors/figures.json holds both to it.

const LENGTH_MAX = 40;
const DIGITS_MAX = 13;
const SPACES = /[\s\u00a0\u2009\u202f'\u2019]+/;
// Words for hours and minutes in our languages, without accents, with one letter sigma.
const HOURS = 'h|hs|hr|hrs|hour|hours|u|uur|uren|ω|ωρ|ωρα|ωρεσ|hora|horas|hores';
const MINUTES = 'm|min|mins|minute|minutes|minuut|minuten|λ|λεπ|λεπτο|λεπτα|minuto|minutos|minut|minuts';
const CLOCK = new RegExp(`^([0-9][0-9.,]*?):([0-5][0-9])(?:\\s*(?:${HOURS})\\.?)?$`);
const WORDS = new RegExp(`^(?:([0-9.,]+)\\s*(?:${HOURS})\\.?)?\\s*(?:([0-9]{1,4})\\s*(?:(${MINUTES})\\.?)?)?$`);
// Two decimals of an hour that nobody takes for minutes: 1.25 is an hour and a quarter.
const QUARTERS = new Set(['00', '25', '75']);

interface Figures {
  whole: string;
  part: string;
}

/** How many digits a currency has below its unit: two for most, none for some. */
export function digitsOf(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/** An amount in minor units; null for what is none, or can be meant in two ways. */
export function readMoney(language: string, text: string, currency: string): number | null {
  let said = text.normalize('NFKC').trim();
  if (said.length > LENGTH_MAX) return null;
  let outer: string, inner: string;
  [outer, said] = sign(said);
  said = withoutCurrency(language, said, currency);
  [inner, said] = sign(said);
  const found = figures(language, said);
  const digits = digitsOf(currency);
  if (!found || found.part.length > digits || (outer && inner)) return null;
  const minor = Number(found.whole + found.part.padEnd(digits, '0'));
  return outer === '-' || inner === '-' ? 0 - minor : minor;
}

/** A length of time in minutes, a number without a unit in hours; null where it is none, or two. */
export function readHours(language: string, text: string): number | null {
  const said = plainWords(text);
  if (!said || said.length > LENGTH_MAX) return null;
  const clock = CLOCK.exec(said);
  if (clock) return wholeHours(language, clock[1] ?? '', Number(clock[2]));
  const joined = said.replace(/(?<=\d)[\s'\u2019](?=\d{3}(?!\d))/g, '');
  const found = WORDS.exec(joined);
  const [, hours, minutes, unit] = found ?? [];
  if (!found || !(hours || unit)) return someHours(language, said);
  if (hours === undefined) return Number(minutes ?? 0);
  if (minutes === undefined) return someHours(language, hours);
  return Number(minutes) < 60 ? wholeHours(language, hours, Number(minutes)) : null;
}

function someHours(language: string, said: string): number | null {
  const found = figures(language, said);
  if (!found || (found.part.length > 1 && !QUARTERS.has(found.part))) return null;
  // Tenths and quarters of an hour are whole minutes.
  return Number(found.whole) * 60 + Math.trunc((Number(found.part || 0) * 60) / 10 ** found.part.length);
}

function wholeHours(language: string, said: string, minutes: number): number | null {
  const found = figures(language, said);
  return found && !found.part ? Number(found.whole) * 60 + minutes : null;
}

function plainWords(text: string): string {
  return text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '').replaceAll('ς', 'σ').trim();
}

function sign(said: string): [string, string] {
  if (/^[-\u2212\u2013]/.test(said)) return ['-', said.slice(1).trim()];
  return said.startsWith('+') ? ['+', said.slice(1).trim()] : ['', said];
}

function withoutCurrency(language: string, said: string, currency: string): string {
  for (const name of [symbolOf(language, currency), symbolOf('en', currency), currency]) {
    const small = name.toLowerCase();
    if (said.toLowerCase().startsWith(small)) return said.slice(small.length).trim();
    if (said.toLowerCase().endsWith(small)) return said.slice(0, -small.length).trim();
  }
  return said;
}

function symbolOf(language: string, currency: string): string {
  const parts = new Intl.NumberFormat(language, { style: 'currency', currency }).formatToParts(0);
  return parts.find((part) => part.type === 'currency')?.value ?? currency;
}

function decimalMark(language: string): string {
  const parts = new Intl.NumberFormat(language).formatToParts(0.5);
  return parts.find((part) => part.type === 'decimal')?.value ?? '.';
}

/** The figures before and after the decimal mark; null where it is no number. */
function figures(language: string, said: string): Figures | null {
  const pieces = said.split(SPACES);
  if (pieces.length > 1) {
    const last = pieces.pop() ?? '';
    const mark = [',', '.'].find((each) => last.includes(each));
    const at = mark ? last.indexOf(mark) : last.length;
    return checked([...pieces, last.slice(0, at)], last.slice(at + 1), Boolean(mark));
  }
  const marks = [...said].filter((each) => each === '.' || each === ',');
  const first = marks[0] ?? '';
  const last = marks.at(-1) ?? '';
  if (marks.length === 1) {
    const [whole = '', part = ''] = said.split(first);
    if (part.length !== 3) return checked([whole], part, true);
    return first === decimalMark(language) ? null : checked([whole, part], '', false);
  }
  if (new Set(marks).size > 1) {
    const at = said.lastIndexOf(last);
    return checked(said.slice(0, at).split(first), said.slice(at + 1), true);
  }
  return checked(first ? said.split(first) : [said], '', false);
}

/** The figures where all groups but the first have three, and a mark has some after it. */
function checked(groups: string[], part: string, marked: boolean): Figures | null {
  if (![...groups, ...(marked ? [part] : [])].every((each) => /^[0-9]+$/.test(each))) return null;
  const [first = '', ...rest] = groups;
  if (rest.length && (rest.some((each) => each.length !== 3) || first.length > 3 || first.startsWith('0'))) return null;
  const whole = groups.join('');
  return whole.length <= DIGITS_MAX ? { whole, part } : null;
}
