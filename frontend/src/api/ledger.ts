import { api, got } from './client';

const at = (book_id: string) => ({ path: { book_id } });

export const listBooks = () => got(api.GET('/api/v1/books'));
export const getBook = (id: string) => got(api.GET('/api/v1/books/{book_id}', { params: at(id) }));
export const listEntries = (id: string, cursor?: string) =>
  got(api.GET('/api/v1/books/{book_id}/entries', { params: { ...at(id), query: { limit: 50, cursor } } }));
export const listTasks = (id: string) => got(api.GET('/api/v1/books/{book_id}/tasks', { params: at(id) }));
