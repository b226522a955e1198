import { api, got } from './client';
import type { PreviewQuestion } from './types';

const at = (book_id: string) => ({ path: { book_id } });

export const listPolicies = (id: string) =>
  got(api.GET('/api/v1/books/{book_id}/policies', { params: { ...at(id), query: { limit: 100 } } }));
export const previewPolicy = (id: string, body: PreviewQuestion) =>
  got(api.POST('/api/v1/books/{book_id}/policy-preview', { params: at(id), body }));
