import { call } from './client';
import type { Claim, ClaimState, Page, WorkLog, WorkStream } from './types';

export const claimNeed = (need: string, note: string, key: string) =>
  call<Claim>('POST', `/needs/${need}/claims`, { body: { note }, key });
export const listClaimsOf = (need: string) => call<Page<Claim>>('GET', `/needs/${need}/claims`);
export const listMyClaims = () => call<Page<Claim>>('GET', '/me/claims', { query: { limit: 100 } });
export const getClaim = (id: string) => call<Claim>('GET', `/claims/${id}`);
export const moveClaim = (id: string, to: ClaimState, reason?: string) =>
  call<Claim>('POST', `/claims/${id}/transitions`, { body: { to, reason } });

export const listWorkLogs = (claim: string) => call<Page<WorkLog>>('GET', `/claims/${claim}/work-logs`);
export const addWorkLog = (claim: string, body: Omit<WorkLog, 'id'>, key: string) =>
  call<WorkLog>('POST', `/claims/${claim}/work-logs`, { body, key });
export const removeWorkLog = (claim: string, id: string) =>
  call<void>('DELETE', `/claims/${claim}/work-logs/${id}`);

export const confirmClaim = (claim: string, minutes: number, stream: WorkStream, key: string) =>
  call<{ claim: Claim }>('POST', `/claims/${claim}/confirmation`, { body: { minutes, stream }, key });
