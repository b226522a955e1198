import type { NeedFilters } from '../api/needs';
import type { Stream } from '../api/types';

export interface BoardFilters {
  q: string;
  skill: string;
  hours: string;
  stream: Stream | '';
  language: string[];
  urgent: boolean;
}

export const HOURS = [2, 4, 8, 20, 40] as const;

export function readFilters(search: URLSearchParams): BoardFilters {
  return {
    q: search.get('q') ?? '',
    skill: search.get('skill') ?? '',
    hours: search.get('hours_max') ?? '',
    stream: readStream(search.get('stream')),
    language: search.getAll('language'),
    urgent: search.get('urgency') === 'high',
  };
}

function readStream(text: string | null): Stream | '' {
  return text === 'gift' || text === 'stipend' || text === 'paid' ? text : '';
}

/** What the API is asked, and what the address shows: the same words. */
export function askedBy(filters: BoardFilters): NeedFilters {
  const asked: NeedFilters = {};
  if (filters.q.trim()) asked.q = filters.q.trim();
  if (filters.skill) asked.skill = [filters.skill];
  if (filters.hours) asked.hours_max = Number(filters.hours);
  if (filters.stream) asked.stream = filters.stream;
  if (filters.language.length) asked.language = filters.language;
  if (filters.urgent) asked.urgency = 'high';
  return asked;
}

export function writeFilters(filters: BoardFilters): URLSearchParams {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(askedBy(filters))) {
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  return search;
}

export function countFilters(filters: BoardFilters): number {
  return Object.keys(askedBy(filters)).length;
}

export const NO_FILTERS: BoardFilters = { q: '', skill: '', hours: '', stream: '', language: [], urgent: false };
