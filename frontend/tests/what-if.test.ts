import { describe, expect, it } from 'vitest';
import { formatMoney, plainMoney, readHours, readMoney, readShare, showHours, showShare } from '../src/lib/what-if';

describe('figures of rules', () => {
  it('are read exactly, however they are written', () => {
    expect([readShare('20 %'), readShare('0,25'), readShare('1/3'), readShare('1')]).toEqual(['20/100', '25/100', '1/3', '1/1']);
    expect([readShare('33.5%'), readShare('120 %'), readShare('x'), readShare('')]).toEqual(['335/1000', null, null, null]);
    expect([readHours('16'), readHours('16:30'), readHours('16.5'), readHours('-1')]).toEqual([960, 990, null, null]);
    expect([showShare('1/5'), showShare('1/3'), showHours(960), showHours(990)]).toEqual(['20 %', '1/3', '16', '16:30']);
  });

  it('keep every cent', () => {
    expect([readMoney('10000.01', 2), readMoney('10000,1', 2), readMoney('-12 000', 2)]).toEqual([1_000_001, 1_000_010, -1_200_000]);
    expect([readMoney('1.005', 2), readMoney('1.5', 0), readMoney('much', 2)]).toEqual([null, null, null]);
    expect([plainMoney(1_000_001, 2), plainMoney(-5, 2), plainMoney(7, 0)]).toEqual(['10000.01', '-0.05', '7']);
    for (const minor of [0, 1, -1, 99, 100, 1_000_001]) expect(readMoney(plainMoney(minor, 2), 2)).toBe(minor);
    expect(formatMoney(122_480, 'EUR', 'en')).toBe('€1,224.80');
  });
});
