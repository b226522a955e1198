import { describe, expect, it } from 'vitest';
import { paths, safeNext } from '../src/lib/paths';
import { shortLink } from '../src/lib/links';
import { matchPath } from '../src/lib/routes';
import { askedBy, countFilters, NO_FILTERS, readFilters, writeFilters } from '../src/lib/filters';

describe('paths', () => {
  it('reads the named parts', () => {
    expect(matchPath('/needs/:id/edit', '/needs/a%20b/edit')).toEqual({ id: 'a b' });
    expect(matchPath('/needs/:id', '/needs/1/edit')).toBeNull();
    expect(matchPath('/', '')).toEqual({});
  });

  it('lets nobody be sent elsewhere after signing in', () => {
    for (const bad of [null, '', 'https://evil.example', '//evil.example', '/app\\evil', '/needs', '/appx', 'javascript:1']) {
      expect(safeNext(bad)).toBe(paths.board());
    }
    expect(safeNext('/app/claims')).toBe('/app/claims');
  });
});

describe('filters', () => {
  it('writes only what is set, and reads it back', () => {
    const filters = { ...NO_FILTERS, q: ' web ', hours: '4', language: ['el', 'ca'], urgent: true };
    expect(askedBy(filters)).toEqual({ q: 'web', hours_max: 4, language: ['el', 'ca'], urgency: 'high' });
    expect(readFilters(writeFilters(filters))).toEqual({ ...filters, q: 'web' });
    expect(countFilters(NO_FILTERS)).toBe(0);
  });
});

describe('links', () => {
  it('are shown by their host', () => {
    expect(shortLink('https://github.com/a/b?q=1')).toBe('github.com');
    expect(shortLink('mailto:help@example.org')).toBe('help@example.org');
    expect(shortLink('nonsense')).toBe('nonsense');
  });
});
