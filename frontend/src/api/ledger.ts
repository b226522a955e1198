import { call } from './client';
import type { Book, BookBrief, BookEntry, Page } from './types';

export const listBooks = () => call<Page<BookBrief>>('GET', '/books');
export const getBook = (id: string) => call<Book>('GET', `/books/${id}`);
export const listEntries = (id: string, cursor?: string) =>
  call<Page<BookEntry>>('GET', `/books/${id}/entries`, { query: { limit: 50, cursor } });
