/** Languages that needs are often written in; others stay possible when they are there already. */
export const WRITTEN = [
  'en', 'el', 'ca', 'nl', 'es', 'ar', 'de', 'eu', 'fa', 'fr', 'gl', 'it', 'ku', 'oc', 'pl', 'pt', 'ro', 'ru', 'sq', 'tr', 'uk',
] as const;

export function languageOptions(present: readonly string[], name: (tag: string) => string): { value: string; label: string }[] {
  const tags = [...new Set([...WRITTEN, ...present])].filter(Boolean);
  return tags.map((value) => ({ value, label: name(value) }));
}
