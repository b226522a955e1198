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

const SECONDS = 365 * 86_400;
const COOKIE = 'tornallom-language';

/** The language that this browser chose last, here or on a public page: both go by one cookie. */
export function clickedLanguage(cookies: string): string | null {
  for (const part of cookies.split(/;\s*/)) {
    const [name, value] = part.split('=');
    if (name === COOKIE || name === `__Host-${COOKIE}`) return value ?? null;
  }
  return null;
}

export function languageCookie(language: UiLanguage, secure: boolean): string {
  const name = secure ? `__Host-${COOKIE}` : COOKIE;
  return `${name}=${language}; Path=/; Max-Age=${SECONDS}; SameSite=Lax${secure ? '; Secure' : ''}`;
}

/** The first language of the list that we speak; a regional tag counts as its base language. */
export function chooseLanguage(wished: readonly (string | null | undefined)[]): UiLanguage {
  for (const tag of wished) {
    const base = tag?.toLowerCase().split('-')[0] ?? '';
    if (isUiLanguage(base)) return base;
  }
  return 'en';
}
