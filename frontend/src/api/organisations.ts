import { call } from './client';
import type { Member, MemberRole, Organisation, OrganisationState, Page } from './types';

export interface OrganisationInput {
  name: string;
  summary: string;
  languages: string[];
  site: string | null;
  time_zone: string;
}

export const listOrganisations = (query: { state?: string; q?: string; cursor?: string; limit?: number } = {}) =>
  call<Page<Organisation>>('GET', '/organisations', { query });
export const getOrganisation = (id: string) => call<Organisation>('GET', `/organisations/${id}`);
export const createOrganisation = (body: OrganisationInput, key: string) =>
  call<Organisation>('POST', '/organisations', { body, key });
export const updateOrganisation = (id: string, body: OrganisationInput, version: number) =>
  call<Organisation>('PATCH', `/organisations/${id}`, { body, version });
export const moveOrganisation = (id: string, to: OrganisationState, reason?: string) =>
  call<Organisation>('POST', `/organisations/${id}/transitions`, { body: { to, reason } });

export const listMembers = (id: string) => call<Page<Member>>('GET', `/organisations/${id}/members`);
export const addMember = (id: string, body: { handle: string; role: MemberRole; worker_owner: boolean }) =>
  call<Member>('POST', `/organisations/${id}/members`, { body });
export const updateMember = (id: string, account: string, body: { role?: MemberRole; worker_owner?: boolean }) =>
  call<Member>('PATCH', `/organisations/${id}/members/${account}`, { body });
export const removeMember = (id: string, account: string) =>
  call<void>('DELETE', `/organisations/${id}/members/${account}`);
