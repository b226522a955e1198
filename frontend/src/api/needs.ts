import { call } from './client';
import type { Need, NeedInput, NeedPage, NeedState } from './types';

export interface NeedFilters {
  q?: string;
  skill?: string;
  language?: string[];
  hours_max?: number;
  stream?: string;
  kind?: string;
  organisation?: string;
  urgency?: string;
  state?: string;
  sort?: string;
  limit?: number;
  cursor?: string;
}

export const listNeeds = (filters: NeedFilters, signal?: AbortSignal) =>
  call<NeedPage>('GET', '/needs', { query: { ...filters }, signal });
export const getNeed = (id: string) => call<Need>('GET', `/needs/${id}`);
export const createNeed = (body: NeedInput, key: string) => call<Need>('POST', '/needs', { body, key });
export const updateNeed = (id: string, body: Partial<NeedInput>, version: number) =>
  call<Need>('PATCH', `/needs/${id}`, { body, version });
export const moveNeed = (id: string, to: NeedState, reason?: string) =>
  call<Need>('POST', `/needs/${id}/transitions`, { body: { to, reason } });
