import { api, got, once } from './client';
import type { Claim, ClaimState, WorkLog, WorkStream } from './types';

const at = (claim_id: string) => ({ params: { path: { claim_id } } });
const most = { limit: 100 };

export interface Application {
  note: string;
  kind?: 'work' | 'scoping';
  for_me?: boolean;
}
export const claimNeed = async (need_id: string, body: Application, key: string) =>
  (await got(api.POST('/api/v1/needs/{need_id}/claims', { params: { path: { need_id } }, body, headers: once(key) }))) as Claim;
export const keepClaim = async (id: string) => (await got(api.POST('/api/v1/claims/{claim_id}/heartbeat', at(id)))) as Claim;
export const listClaimsOf = async (need_id: string) =>
  (await got(api.GET('/api/v1/needs/{need_id}/claims', { params: { path: { need_id }, query: most } }))).items as Claim[];
export const listClaimsIn = async (organisation_id: string, state: ClaimState[]) =>
  (await got(api.GET('/api/v1/organisations/{organisation_id}/claims', {
    params: { path: { organisation_id }, query: { ...most, state, order: 'oldest' } },
  }))).items as Claim[];
export const listSubmittedClaims = (organisation_id: string) => listClaimsIn(organisation_id, ['submitted', 'disputed']);
export const listMyClaims = async () =>
  (await got(api.GET('/api/v1/me/claims', { params: { query: most } }))).items as Claim[];
export const getClaim = async (id: string) => (await got(api.GET('/api/v1/claims/{claim_id}', at(id)))) as Claim;
export const moveClaim = async (id: string, to: ClaimState, reason = '') =>
  (await got(api.POST('/api/v1/claims/{claim_id}/transitions', { ...at(id), body: { to, reason } }))) as Claim;

export const listWorkLogs = async (claim: string) => (await got(api.GET('/api/v1/claims/{claim_id}/work-logs', at(claim)))).items;
export const addWorkLog = (claim: string, body: Pick<WorkLog, 'worked_on' | 'minutes' | 'note'>, key: string) =>
  got(api.POST('/api/v1/claims/{claim_id}/work-logs', { ...at(claim), body, headers: once(key) }));
export const removeWorkLog = (claim_id: string, log_id: string) =>
  got(api.DELETE('/api/v1/claims/{claim_id}/work-logs/{log_id}', { params: { path: { claim_id, log_id } } }));

export const settleClaim = async (id: string, minutes: number) =>
  (await got(api.POST('/api/v1/claims/{claim_id}/settlement', { ...at(id), body: { minutes } }))) as Claim;

const on = (panel_id: string) => ({ params: { path: { panel_id } } });
export const listMyPanels = async () => (await got(api.GET('/api/v1/me/panels'))).items;
export const getPanel = (id: string) => got(api.GET('/api/v1/panels/{panel_id}', on(id)));
export const decidePanel = (id: string, minutes: number, reason: string) =>
  got(api.POST('/api/v1/panels/{panel_id}/decision', { ...on(id), body: { minutes, reason } }));
export const declineSeat = (id: string) => got(api.POST('/api/v1/panels/{panel_id}/refusal', on(id)));

export const confirmClaim = async (claim: string, minutes: number, stream: WorkStream, key: string) =>
  (await got(api.POST('/api/v1/claims/{claim_id}/confirmation', { ...at(claim), body: { minutes, stream }, headers: once(key) })))
    .claim as Claim;
