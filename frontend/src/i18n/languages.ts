export const LANGUAGES = ['en', 'el', 'ca', 'nl', 'es'] as const;
export type UiLanguage = (typeof LANGUAGES)[number];

export const NATIVE_NAMES: Record<UiLanguage, string> = {
  en: 'English',
  el: 'Ελληνικά',
  ca: 'Català',
  nl: 'Nederlands',
  es: 'Español',
};

export function isUiLanguage(tag: string): tag is UiLanguage {
  return (LANGUAGES as readonly string[]).includes(tag);
}

/** The first language of the list that we speak; a regional tag counts as its base language. */
export function chooseLanguage(wished: readonly (string | null | undefined)[]): UiLanguage {
  for (const tag of wished) {
    const base = tag?.toLowerCase().split('-')[0] ?? '';
    if (isUiLanguage(base)) return base;
  }
  return 'en';
}
