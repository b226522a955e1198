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
    ['1 h 30 yesterday', 90, '2026-02-28'],
    ['1h30', 90, null],
    ['1 h 30 min', 90, null],
    ['1h05', 65, null],
    ['1:30 h, yesterday.', 90, '2026-02-28'],
    ['1 hour and a half', 90, null],
    ['half an hour today', 30, '2026-03-01'],
    ['2 h the day before yesterday', 120, '2026-02-27'],
    ['1 ώρα 30', 90, null],
    ['1 ώρα και 30 λεπτά χθες', 90, '2026-02-28'],
    ['1 ώρα και μισή', 90, null],
    ['μιάμιση ώρα', 90, null],
    ['1 hora 30 avui', 90, '2026-03-01'],
    ['2 hores i mitja', 150, null],
    ["2 h abans d'ahir", 120, '2026-02-27'],
    ['1u30', 90, null],
    ['1 uur 30 gisteren', 90, '2026-02-28'],
    ['anderhalf uur', 90, null],
    ['een half uur', 30, null],
    ['1 hora y media', 90, null],
    ['una hora y media ayer', 90, '2026-02-28'],
    ['1 hora y 5 minutos', 65, null],
    ['24 h', 1440, null],
  ])('%s', (text, minutes, day) => {
    expect(readWork(text, TODAY)).toEqual({ minutes, worked_on: day, note: '' });
  });

  it('leaves what it does not know as a note', () => {
    expect(readWork('fixed the list', TODAY)).toEqual({ minutes: null, worked_on: null, note: 'fixed the list' });
  });

  it.each([
    '2 h tomorrow', '2 ώρες αύριο', '2 hores demà', '2 uur morgen', '2 horas mañana',
    '2 h 3 meetings', '2 h 3 days ago', '30 min 1 h', '1 h 90', '-2 h', '- 2 h 1', 'from 14:00 to 16:00', '2 h on 12/3',
    '1 hora y cuarto', '1 uur en een kwartier', '1 hour and twenty minutes', '1½ h', '24 h 30', '1500 min',
    '2 h today and yesterday', 'yesterday', '',
  ])('does not read a part of "%s"', (text) => {
    expect(readWork(text, TODAY)).toEqual({ minutes: null, worked_on: null, note: text });
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
