import { describe, expect, it } from 'vitest';
import { readHours, readMoney } from '../src/lib/typed';
import { formatMoney, plainMoney, readShare, showHours, showShare } from '../src/lib/what-if';

describe('figures of rules', () => {
  it('are read exactly, however they are written', () => {
    expect([readShare('20 %'), readShare('0,25'), readShare('1/3'), readShare('1')]).toEqual(['20/100', '25/100', '1/3', '1/1']);
    expect([readShare('33.5%'), readShare('120 %'), readShare('x'), readShare('')]).toEqual(['335/1000', null, null, null]);
    for (const minutes of [0, 1, 90, 960, 990]) expect(readHours('nl', showHours(minutes))).toBe(minutes);
    expect([showShare('1/5'), showShare('1/3'), showHours(960), showHours(990)]).toEqual(['20 %', '1/3', '16', '16:30']);
  });

  it('keep every cent', () => {
    expect([plainMoney(1_000_001, 2), plainMoney(-5, 2), plainMoney(7, 0)]).toEqual(['10000.01', '-0.05', '7']);
    for (const language of ['en', 'el']) for (const minor of [0, 1, -1, 99, 100, 1_000_001]) expect(readMoney(language, plainMoney(minor, 2), 'EUR')).toBe(minor);
    expect(formatMoney(122_480, 'EUR', 'en')).toBe('€1,224.80');
  });
});
