import { describe, expect, it } from 'vitest';
import { plainText, readInline, readMarkdown } from '../src/lib/markdown';

describe('markdown', () => {
  it('reads the blocks people write', () => {
    const blocks = readMarkdown('# What\n\nFirst *line*\nsecond\n\n- one\n- two\n  more\n\n1. a\n2. b\n\n> said\n\n```\nx < y\n```');
    expect(blocks.map((block) => block.kind)).toEqual(['heading', 'paragraph', 'list', 'list', 'quote', 'code']);
    expect(blocks[2]).toMatchObject({ ordered: false, items: [[{ text: 'one' }], [{ text: 'two more' }]] });
    expect(blocks[3]).toMatchObject({ ordered: true });
    expect(blocks[5]).toEqual({ kind: 'code', text: 'x < y' });
  });

  it('reads emphasis, code and links', () => {
    expect(readInline('a **b** `c` [d](https://e.example) _f_')).toEqual([
      { kind: 'text', text: 'a ' },
      { kind: 'strong', parts: [{ kind: 'text', text: 'b' }] },
      { kind: 'text', text: ' ' },
      { kind: 'code', text: 'c' },
      { kind: 'text', text: ' ' },
      { kind: 'link', href: 'https://e.example', parts: [{ kind: 'text', text: 'd' }] },
      { kind: 'text', text: ' ' },
      { kind: 'emphasis', parts: [{ kind: 'text', text: 'f' }] },
    ]);
  });

  it('leaves names with underscores and full stops after addresses alone', () => {
    expect(readInline('needs_api_v1')).toEqual([{ kind: 'text', text: 'needs_api_v1' }]);
    expect(readInline('see https://a.example/x.')[1]).toMatchObject({ href: 'https://a.example/x' });
    expect(readInline('<https://a.example/x>.').map((part) => ('href' in part ? part.href : part.kind))).toEqual(['https://a.example/x', 'text']);
  });

  it('makes no link of anything but the web and mail, and no element of HTML', () => {
    for (const bad of ['[x](javascript:alert(1))', '[x](data:text/html,y)', '<img src=x onerror=alert(1)>']) {
      expect(JSON.stringify(readMarkdown(bad))).not.toContain('"link"');
    }
    expect(readMarkdown('<b>x</b>')).toEqual([{ kind: 'paragraph', parts: [{ kind: 'text', text: '<b>x</b>' }] }]);
  });

  it('ends, whatever is written', () => {
    const odd = ['```', '*'.repeat(5000), '['.repeat(5000), '_a'.repeat(2000), '> '.repeat(500), '- '.repeat(500), '#'];
    for (const text of odd) {
      const started = performance.now();
      readMarkdown(text);
      expect(performance.now() - started).toBeLessThan(500);
    }
  });

  it('gives a card the words alone', () => {
    expect(plainText('# A\n\nSome **bold** words\n\n- x\n- y')).toBe('A Some bold words x · y');
  });
});
