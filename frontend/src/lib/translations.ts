interface Translated<T> {
  language: string;
  translations: readonly T[];
}

const root = (tag: string) => tag.split('-')[0];

/** The translation that somebody who reads this language gets; null for the need's own words. */
export function ownWords<T extends { language: string }>(need: Translated<T>, tag: string): T | null {
  if (root(tag) === root(need.language)) return null;
  return need.translations.find((one) => one.language === tag) ?? need.translations.find((one) => root(one.language) === root(tag)) ?? null;
}
