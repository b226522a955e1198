import { whenSignedOut } from '../api/client';
import { currentSession, getInstance, signOut } from '../api/identity';
import { Problem } from '../api/problem';
import type { Instance, Me, Membership } from '../api/types';
import { chooseLanguage, clickedLanguage } from '../i18n/languages';
import { language, useLanguage } from '../i18n/index.svelte';
import { forgetStartingWith } from '../lib/storage';

let me = $state.raw<Me | null>(null);
let instance = $state.raw<Instance | null>(null);
let expired = $state(false);
let renewed = $state(0);

export const session = {
  get me() {
    return me;
  },
  get instance() {
    return instance;
  },
  /** The session ended while somebody was at work: what they typed stays on the page. */
  get expired() {
    return expired;
  },
  /** When the person signed in last: what was refused before that is over. */
  get renewed() {
    return renewed;
  },
  get steward() {
    return me?.account.steward ?? false;
  },
  get memberships(): Membership[] {
    return me?.memberships ?? [];
  },
  get name() {
    return me ? me.account.display_name || me.account.handle : '';
  },
};

export async function setMe(next: Me): Promise<void> {
  if (expired) renewed = performance.now();
  me = next;
  expired = false;
  const wished = chooseLanguage([next.account.language, language()]);
  if (wished !== language()) await useLanguage(wished);
}

export function setInstance(next: Instance): void {
  instance = next;
}

export async function refreshMe(): Promise<void> {
  await setMe(await currentSession());
}

/** Finds out where we are and who is here; a stranger is not an error. */
export async function begin(): Promise<void> {
  whenSignedOut(() => (expired = me !== null));
  await useLanguage(chooseLanguage([clickedLanguage(document.cookie), ...navigator.languages]));
  const [found, here] = await Promise.allSettled([currentSession(), getInstance()]);
  if (here.status === 'fulfilled') instance = here.value;
  if (found.status === 'fulfilled') await setMe(found.value);
  else if (!(found.reason instanceof Problem) || found.reason.status !== 401) throw found.reason;
}

export async function leave(): Promise<void> {
  await signOut();
  forgetStartingWith('draft.');
  me = null;
}
