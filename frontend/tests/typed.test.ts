import { describe, expect, it } from 'vitest';
import table from '../../tests/vectors/figures.json';
import { readHours, readMoney } from '../src/lib/typed';
import { readShare } from '../src/lib/what-if';

// Made from the server's reader, and held to it by tests/infra/test_typed.py.
interface Cases {
  money: [string, string, string, number | null][];
  hours: [string, string, number | null][];
  shares: [string, string | null][];
}
const cases = table as unknown as Cases;

describe('figures as people type them', () => {
  it('are amounts as the server reads them', () => {
    const read = cases.money.map(([language, currency, text]) => [language, currency, text, readMoney(language, text, currency)]);
    expect(read).toEqual(cases.money);
  });

  it('are times as the server reads them', () => {
    const read = cases.hours.map(([language, text]) => [language, text, readHours(language, text)]);
    expect(read).toEqual(cases.hours);
  });

  it('are shares as the server reads them', () => {
    // The server shortens fractions itself: the same share is meant by both.
    const same = (one: string | null, other: string | null) => {
      if (one === null || other === null) return one === other;
      const [a, b] = one.split('/').map(BigInt);
      const [c, d] = other.split('/').map(BigInt);
      return a! * d! === c! * b!;
    };
    for (const [text, share] of cases.shares) expect([text, same(readShare(text), share)]).toEqual([text, true]);
  });
});
