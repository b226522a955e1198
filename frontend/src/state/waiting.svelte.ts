import { countWaiting } from '../api/administration';
import { listClaimsIn } from '../api/claims';
import type { Claim } from '../api/types';
import { session } from './session.svelte';

/** What others cannot go on without: numbers for the board and the menu. */
export interface Waiting {
  offers: number;
  hours: number;
  /** Asks without an account. */
  asks: number;
  /** First needs of those whom nobody vouched for, to be read before all see them. */
  needs: number;
  organisations: number;
  peers: number;
  /** Reports that nobody looked at, and answers to holds. */
  reports: number;
}

const NOTHING: Waiting = { offers: 0, hours: 0, asks: 0, needs: 0, organisations: 0, peers: 0, reports: 0 };
let now = $state.raw<Waiting>(NOTHING);
let turn = 0;

export const waiting = {
  get now() {
    return now;
  },
};

async function forMembers(): Promise<Pick<Waiting, 'offers' | 'hours'>> {
  const asked = session.memberships.map((one) => listClaimsIn(one.organisation.id, ['applied', 'submitted', 'disputed']));
  const claims: Claim[] = (await Promise.all(asked)).flat();
  const theirs = claims.filter((claim) => claim.worker.account_id !== session.me?.account.id);
  return {
    offers: theirs.filter((claim) => claim.possible_transitions.includes('accepted') && claim.state === 'applied').length,
    hours: theirs.filter((claim) => claim.state !== 'applied' && claim.may_confirm).length,
  };
}

/** Numbers only help: when they cannot be had, those of before stay and nothing is complained about. */
export async function refreshWaiting(): Promise<void> {
  const mine = ++turn;
  try {
    const parts = await Promise.all([
      session.memberships.length ? forMembers() : NOTHING,
      session.steward ? countWaiting() : NOTHING,
    ]);
    const [{ offers, hours }, { asks, needs, organisations, peers, reports }] = parts;
    if (mine === turn) now = { offers, hours, asks, needs, organisations, peers, reports };
  } catch {
    // The page itself says what is wrong.
  }
}
