import { describe, expect, it } from 'vitest';
import { daysBefore, join, readWork, split } from '../src/lib/durations';

const TODAY = '2026-03-01';

describe('reading hours as people say them', () => {
  it.each([
    ['2 h yesterday', 120, '2026-02-28'],
    ['1:30', 90, null],
    ['90 min', 90, null],
    ['1,5 ω χθες', 90, '2026-02-28'],
    ['2 ώρες σήμερα', 120, '2026-03-01'],
    ['2 hores i 15 min ahir', 135, '2026-02-28'],
    ['3 uur eergisteren', 180, '2026-02-27'],
    ['45 minutos anteayer', 45, '2026-02-27'],
    ['2h30min', 150, null],
  ])('%s', (text, minutes, day) => {
    expect(readWork(text, TODAY)).toEqual({ minutes, worked_on: day, note: '' });
  });

  it('leaves what it does not know as a note', () => {
    expect(readWork('fixed the list', TODAY)).toEqual({ minutes: null, worked_on: null, note: 'fixed the list' });
  });

  it('refuses more than a day and nothing at all', () => {
    expect(readWork('30 h', TODAY).minutes).toBeNull();
    expect(readWork('0 h', TODAY).minutes).toBeNull();
  });
});

describe('hours and minutes', () => {
  it('splits and joins without loss', () => {
    for (const total of [0, 1, 59, 60, 61, 1439, 10_000]) expect(join(split(total))).toBe(total);
  });

  it('steps back over months and leap days', () => {
    expect(daysBefore('2028-03-01', 1)).toBe('2028-02-29');
    expect(daysBefore('2026-01-01', 1)).toBe('2025-12-31');
  });
});
