import { api, got } from './client';
import type { Board, Need } from './types';

const at = (need_id: string) => ({ params: { path: { need_id } } });

export const getBoard = async (other_languages = false) =>
  (await got(api.GET('/api/v1/me/matches', { params: { query: { other_languages } } }))) as Board;
export const listDismissed = async () => (await got(api.GET('/api/v1/me/dismissals'))).items as Need[];
export const getFit = (id: string) => got(api.GET('/api/v1/needs/{need_id}/fit', at(id)));
export const dismissNeed = (id: string) => got(api.POST('/api/v1/needs/{need_id}/dismissal', at(id)));
export const restoreNeed = (id: string) => got(api.DELETE('/api/v1/needs/{need_id}/dismissal', at(id)));
export const listWorkersFor = async (id: string) => (await got(api.GET('/api/v1/needs/{need_id}/matches', at(id)))).items;
export const inviteWorker = (id: string, account_id: string) =>
  got(api.POST('/api/v1/needs/{need_id}/invitations', { ...at(id), body: { account_id } }));
