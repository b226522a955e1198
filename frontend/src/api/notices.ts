import type { components } from '../generated/schema';
import { api, got } from './client';

export type Notice = components['schemas']['NoticeShape'];
/** What an open stream tells: ids and a count, never words. No description of it is generated. */
export interface News {
  kind: string;
  topic: Notice['topic'];
  unread: number;
  claim_id: string | null;
  need_id: string | null;
}

export const STREAM = '/api/v1/activity-stream';

export const listNotices = (query: { unread?: boolean; limit?: number; cursor?: string }) =>
  got(api.GET('/api/v1/me/notifications', { params: { query } }));
/** Kept alive, because who opens a notice leaves the page in the same moment. */
export const markNoticesRead = (ids: string[] | 'all') =>
  got(api.POST('/api/v1/me/notifications/read', { body: ids === 'all' ? { all: true } : { ids }, keepalive: true }));
