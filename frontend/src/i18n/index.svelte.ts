import type { Messages } from '../generated/messages';
import { speak } from '../api/client';
import { fill, type Text, type Values } from './format';
import { languageCookie, type UiLanguage } from './languages';

export type MessageId = keyof Messages;
type Catalogue = Record<string, Text>;
type Arguments<Id extends MessageId> = Messages[Id] extends undefined ? [] : [values: Messages[Id]];

const CATALOGUES: Record<UiLanguage, () => Promise<{ default: Catalogue }>> = {
  en: () => import('../generated/en.json'),
  el: () => import('../generated/el.json'),
  ca: () => import('../generated/ca.json'),
  nl: () => import('../generated/nl.json'),
  es: () => import('../generated/es.json'),
};

let catalogue = $state.raw<Catalogue>({});
let current = $state<UiLanguage>('en');

export function language(): UiLanguage {
  return current;
}

export async function useLanguage(next: UiLanguage): Promise<void> {
  catalogue = (await CATALOGUES[next]()).default;
  current = next;
  document.documentElement.lang = next;
  speak(next);
  document.cookie = languageCookie(next, location.protocol === 'https:');
}

/** The text of an id in the language of the moment; unknown ids do not compile. */
export function t<Id extends MessageId>(id: Id, ...values: Arguments<Id>): string {
  const text = catalogue[id];
  return text === undefined ? id : fill(text, values[0] as Values | undefined, current);
}
