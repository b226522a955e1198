import { digitsOf } from './typed';

// Figures as people type them, and as the API wants them: exact, never rounded on the way.

/** "20 %", "0,2" or "1/5" as "p/q"; null where it is none of them. */
export function readShare(text: string): string | null {
  const found = /^(\d{1,9})(?:\s*\/\s*([1-9]\d{0,8})|[.,](\d{1,4}))?\s*(%?)$/.exec(text.trim());
  if (!found) return null;
  const decimals = found[3] ?? '';
  const above = Number((found[1] ?? '') + decimals);
  const below = Number(found[2] ?? 1) * 10 ** decimals.length * (found[4] ? 100 : 1);
  return above <= below ? `${above}/${below}` : null;
}

/** "p/q" as a percentage where that is whole, and as it is where it is not. */
export function showShare(share: string): string {
  const [above = 0, below = 1] = share.split('/').map(Number);
  return (above * 100) % below === 0 ? `${(above * 100) / below} %` : share;
}

export function showHours(minutes: number): string {
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}${rest ? `:${String(rest).padStart(2, '0')}` : ''}`;
}

/** Minor units as a plain number with its point, which is read back the same in every language. */
export function plainMoney(minor: number, digits: number): string {
  const all = String(Math.abs(minor)).padStart(digits + 1, '0');
  const whole = all.slice(0, all.length - digits);
  return `${minor < 0 ? '-' : ''}${whole}${digits ? `.${all.slice(-digits)}` : ''}`;
}

export function formatMoney(minor: number, currency: string, language: string): string {
  const text = plainMoney(minor, digitsOf(currency)) as Intl.StringNumericLiteral;
  return new Intl.NumberFormat(language, { style: 'currency', currency }).format(text);
}
