import type { ClaimState, NeedState, OrganisationState, PeerState } from '../api/types';

/** Status is always a word and a shape; colour only repeats it. */
export type Shape = 'ring' | 'half' | 'disc' | 'check' | 'cross' | 'pause' | 'wait' | 'alert';

export const NEED_SHAPES: Record<NeedState, Shape> = {
  draft: 'ring',
  review: 'wait',
  open: 'disc',
  paused: 'pause',
  in_progress: 'half',
  done: 'check',
  archived: 'ring',
  withdrawn: 'cross',
  expired: 'cross',
  held: 'pause',
};

export const CLAIM_SHAPES: Record<ClaimState, Shape> = {
  applied: 'wait',
  accepted: 'disc',
  active: 'half',
  submitted: 'wait',
  changes_requested: 'alert',
  confirmed: 'check',
  declined: 'cross',
  withdrawn: 'cross',
  expired: 'cross',
  released: 'cross',
  lapsed: 'cross',
  disputed: 'alert',
  panel_review: 'wait',
  rejected: 'cross',
};

export const ORGANISATION_SHAPES: Record<OrganisationState, Shape> = {
  proposed: 'wait',
  accepted: 'check',
  declined: 'cross',
  suspended: 'pause',
};

export const PEER_SHAPES: Record<PeerState, Shape> = {
  none: 'ring',
  proposed: 'wait',
  requested: 'wait',
  active: 'check',
  suspended: 'pause',
  key_changed: 'alert',
  ended: 'cross',
  blocked: 'cross',
};

export const LIVE_CLAIMS: readonly ClaimState[] = [
  'applied', 'accepted', 'active', 'submitted', 'changes_requested', 'disputed', 'panel_review',
];

export function isLive(state: ClaimState): boolean {
  return LIVE_CLAIMS.includes(state);
}

/** The lanes of "our needs", in the order in which a need passes through them. */
export type Lane = 'preparing' | 'open' | 'taken' | 'checking' | 'done';
export const LANES: readonly Lane[] = ['preparing', 'open', 'taken', 'checking', 'done'];

export function laneOf(state: NeedState, claims: readonly { state: ClaimState }[]): Lane {
  if (state === 'draft' || state === 'review') return 'preparing';
  if (claims.some((claim) => claim.state === 'submitted' || claim.state === 'disputed' || claim.state === 'panel_review')) return 'checking';
  if (state === 'done' || state === 'archived' || state === 'withdrawn' || state === 'expired') return 'done';
  if (state === 'in_progress') return 'taken';
  return claims.some((claim) => isLive(claim.state) && claim.state !== 'applied') ? 'taken' : 'open';
}

export type Side = 'organisation' | 'worker' | 'steward' | 'nobody';

/** Whose turn it is on a claim. */
export function waitingOn(state: ClaimState): Side {
  if (state === 'applied' || state === 'submitted') return 'organisation';
  if (state === 'accepted' || state === 'active' || state === 'changes_requested') return 'worker';
  return state === 'disputed' ? 'organisation' : 'nobody';
}
