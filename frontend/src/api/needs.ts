import type { operations } from '../generated/schema';
import { api, got, ifMatch, once } from './client';
import type { SentNeed } from '../lib/need-form';
import type { Closing, Need, NeedState } from './types';

export type NeedFilters = NonNullable<operations['list_needs']['parameters']['query']>;
export interface NeedPage {
  items: Need[];
  next_cursor: string | null;
  hidden_by_language: number;
}
const at = (need_id: string) => ({ params: { path: { need_id } } });

export const listNeeds = async (query: NeedFilters, signal?: AbortSignal) =>
  (await got(api.GET('/api/v1/needs', { params: { query }, signal }))) as NeedPage;
export const getNeed = async (id: string) => (await got(api.GET('/api/v1/needs/{need_id}', at(id)))) as Need;
export const createNeed = async (body: SentNeed, key: string) =>
  (await got(api.POST('/api/v1/needs', { body, headers: once(key) }))) as Need;
export const updateNeed = async (id: string, body: Omit<SentNeed, 'organisation_id' | 'external_id'>, version: number) =>
  (await got(api.PATCH('/api/v1/needs/{need_id}', { ...at(id), body, headers: ifMatch(version) }))) as Need;
export const moveNeed = async (id: string, to: NeedState, reason = '') =>
  (await got(api.POST('/api/v1/needs/{need_id}/transitions', { ...at(id), body: { to, reason } }))) as Need;
export const renewNeed = async (id: string) => (await got(api.POST('/api/v1/needs/{need_id}/renewal', at(id)))) as Need;
export const needHistory = async (id: string) => (await got(api.GET('/api/v1/needs/{need_id}/history', at(id)))).items;
export const answerMaintenance = async (id: string, agrees: boolean) =>
  (await got(api.POST('/api/v1/needs/{need_id}/maintenance', { ...at(id), body: { agrees } }))) as Need;
export const closeNeed = async (id: string, body: Closing) =>
  (await got(api.POST('/api/v1/needs/{need_id}/closing', { ...at(id), body: body as never }))) as Need;
