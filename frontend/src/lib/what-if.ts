// Figures as people type them, and as the API wants them: exact, never rounded on the way.

/** "20 %", "0,2" or "1/5" as "p/q"; null where it is none of them. */
export function readShare(text: string): string | null {
  const found = /^(\d{1,4})(?:\s*\/\s*([1-9]\d{0,3})|[.,](\d{1,3}))?\s*(%?)$/.exec(text.trim());
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

/** "16" or "16:30" hours as minutes; null where it is no time. */
export function readHours(text: string): number | null {
  const found = /^(\d{1,4})(?::([0-5]\d))?$/.exec(text.trim());
  return found ? Number(found[1]) * 60 + Number(found[2] ?? 0) : null;
}

export function showHours(minutes: number): string {
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}${rest ? `:${String(rest).padStart(2, '0')}` : ''}`;
}

/** How many digits a currency has below its unit: two for most, none for some. */
export function digitsOf(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/** An amount as minor units; below zero with a minus. */
export function readMoney(text: string, digits: number): number | null {
  const found = /^([-\u2212]?)(\d{1,12})(?:[.,](\d{1,4}))?$/.exec(text.replace(/[\s\u00a0\u202f']/g, ''));
  const below = found?.[3] ?? '';
  if (!found || below.length > digits) return null;
  const amount = Number((found[2] ?? '') + below.padEnd(digits, '0'));
  return found[1] ? -amount : amount;
}

/** Minor units as a plain number with its point: what both people and `readMoney` read. */
export function plainMoney(minor: number, digits: number): string {
  const all = String(Math.abs(minor)).padStart(digits + 1, '0');
  const whole = all.slice(0, all.length - digits);
  return `${minor < 0 ? '-' : ''}${whole}${digits ? `.${all.slice(-digits)}` : ''}`;
}

export function formatMoney(minor: number, currency: string, language: string): string {
  const text = plainMoney(minor, digitsOf(currency)) as Intl.StringNumericLiteral;
  return new Intl.NumberFormat(language, { style: 'currency', currency }).format(text);
}
