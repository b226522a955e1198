/** The server's own figure ("33.34", as text), only dressed for the language. */
export function formatPercent(share: string, language: string): string {
  const value = Number(share);
  if (!Number.isFinite(value)) return share;
  return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 2 }).format(value / 100);
}
