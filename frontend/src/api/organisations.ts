import { api, got, ifMatch, once } from './client';
import type { MemberRole, OrganisationInput, OrganisationState } from './types';

const at = (organisation_id: string) => ({ params: { path: { organisation_id } } });
const member = (organisation_id: string, account_id: string) => ({ params: { path: { organisation_id, account_id } } });

export const listOrganisations = (query: { state?: OrganisationState; q?: string; limit?: number; cursor?: string }) =>
  got(api.GET('/api/v1/organisations', { params: { query } }));
export const getOrganisation = (id: string) => got(api.GET('/api/v1/organisations/{organisation_id}', at(id)));
export const createOrganisation = (body: OrganisationInput, key: string) =>
  got(api.POST('/api/v1/organisations', { body, headers: once(key) }));
export const updateOrganisation = (id: string, body: OrganisationInput, version: number) =>
  got(api.PATCH('/api/v1/organisations/{organisation_id}', { ...at(id), body, headers: ifMatch(version) }));
export const moveOrganisation = (id: string, to: OrganisationState, reason = '', vouch = false) =>
  got(api.POST('/api/v1/organisations/{organisation_id}/transitions', { ...at(id), body: { to, reason, vouch } }));

export const listMembers = (id: string) => got(api.GET('/api/v1/organisations/{organisation_id}/members', at(id)));
export const addMember = (id: string, body: { handle: string; role: MemberRole; worker_owner: boolean }) =>
  got(api.POST('/api/v1/organisations/{organisation_id}/members', { ...at(id), body }));
export const updateMember = (id: string, account: string, body: { role?: MemberRole; worker_owner?: boolean }) =>
  got(api.PATCH('/api/v1/organisations/{organisation_id}/members/{account_id}', { ...member(id, account), body }));
export const removeMember = (id: string, account: string) =>
  got(api.DELETE('/api/v1/organisations/{organisation_id}/members/{account_id}', member(id, account)));
