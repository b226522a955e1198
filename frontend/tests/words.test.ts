import { describe, expect, it } from 'vitest';
import type { Need } from '../src/api/types';
import { daysSince, formatAgo, formatDay, formatMoment } from '../src/lib/dates';
import { emptyForm, formOf, inputOf } from '../src/lib/need-form';
import { formatPercent } from '../src/lib/percent';
import { matchesAll, readTags } from '../src/lib/search';
import { findLeaks } from '../src/lib/secrets';
import { sharesBars } from '../src/lib/shares';
import { laneOf, waitingOn } from '../src/lib/states';

describe('searching the skills', () => {
  it('folds accents, the final sigma and the Catalan l·l', () => {
    expect(matchesAll('ΨΗΦΙΑΚΟΣ', 'ψηφιακός')).toBe(true);
    expect(matchesAll('collaboracio', 'Col·laboració')).toBe(true);
    expect(matchesAll('αλληλεγγυη', 'Αλληλεγγύη')).toBe(true);
    expect(matchesAll('python web', 'Python', 'Web')).toBe(true);
    expect(matchesAll('ruby', 'Python')).toBe(false);
  });

  it('reads tags once each', () => {
    expect(readTags('Python, #django ;python,, ')).toEqual(['python', 'django']);
  });
});

describe('things that do not belong in a need', () => {
  it.each([
    ['write to ana@example.org', 'email'],
    ['call +30 210 123 4567', 'phone'],
    ['password: hunter2', 'password'],
    ['κωδικός: 1234', 'password'],
    ['Kalverstraat 12', 'address'],
    ['Carrer Major, 3', 'address'],
  ])('%s', (text, leak) => expect(findLeaks(text)).toContain(leak));

  it('leaves plain text alone', () => {
    expect(findLeaks('In 2026 we moved 12 pages from Debian 12 to 13, 4-6 hours.')).toEqual([]);
  });
});

describe('dates', () => {
  it('name the month and keep the day', () => {
    expect(formatDay('2026-03-29', 'en')).toBe('29 Mar 2026');
    expect(formatDay('2026-03-29', 'el')).toContain('Μαρ');
  });

  it('use 24 hours', () => {
    expect(formatMoment('2026-03-29T21:05:00Z', 'en', 'UTC')).toContain('21:05');
    expect(formatMoment('2026-03-29T00:05:00Z', 'en', 'UTC')).toContain('00:05');
  });

  it('count silence in whole days', () => {
    const now = Date.parse('2026-03-10T12:00:00Z');
    expect(daysSince('2026-03-07T13:00:00Z', now)).toBe(2);
    expect(formatAgo('2026-03-07T11:00:00Z', 'en', now)).toBe('3 days ago');
  });
});

describe('our needs', () => {
  it('stand in the lane of what happens to them', () => {
    expect(laneOf('review', [])).toBe('preparing');
    expect(laneOf('open', [{ state: 'applied' }])).toBe('open');
    expect(laneOf('open', [{ state: 'active' }])).toBe('taken');
    expect(laneOf('in_progress', [{ state: 'submitted' }])).toBe('checking');
    expect(laneOf('done', [{ state: 'confirmed' }])).toBe('done');
  });

  it('say whose turn it is', () => {
    expect(waitingOn('applied')).toBe('organisation');
    expect(waitingOn('changes_requested')).toBe('worker');
    expect(waitingOn('confirmed')).toBe('nobody');
  });
});

describe('the form of a need', () => {
  it('sends what was typed, and no half harm check unseen', () => {
    const form = { ...emptyForm('o1', 'ca'), title: ' Web caigut ', tags: 'wordpress, Hugo', places: '2', link: ' ' };
    const input = inputOf(form, readTags);
    expect(input).toMatchObject({ title: 'Web caigut', tags: ['wordpress', 'hugo'], places: 2, link: null, harm_check: null });
    const half = inputOf({ ...form, harm_check: { data: 'names', misuse: '', avoidable: '' } }, readTags);
    expect(half.harm_check).toEqual({ data: 'names', misuse: '', avoidable: '' });
  });

  it('comes back from a saved need unchanged', () => {
    const input = inputOf({ ...emptyForm('o1', 'nl'), title: 'Hulp', estimate_minutes: 90, deadline: '2026-05-01' }, readTags);
    const need = { ...input, organisation: { id: 'o1', name: 'O', slug: 'o' } } as unknown as Need;
    expect(inputOf(formOf(need), readTags)).toEqual(input);
  });
});

describe('shares', () => {
  it('draw the longest bar whole and leave the figures to the server', () => {
    const worker = { account_id: '1', handle: 'ada', display_name: '', minutes: 200, share_percent: '66.67' };
    const bars = sharesBars([worker, { ...worker, account_id: '2', handle: 'bo', display_name: 'Bo', minutes: 100, share_percent: '33.33' }]);
    expect(bars.map((bar) => [bar.worker, bar.width, bar.share])).toEqual([['ada', 100, '66.67'], ['Bo', 50, '33.33']]);
    expect(formatPercent('66.67', 'nl')).toBe('66,67%');
  });
});
