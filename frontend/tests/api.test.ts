import { describe, expect, it } from 'vitest';
import { fieldOf, Problem } from '../src/api/problem';
import { Intent } from '../src/lib/intents';

describe('problems', () => {
  it('finds the field of a pointer, however deep', () => {
    expect(fieldOf('#/body/skills/0/slug')).toBe('skills');
    expect(fieldOf('/title')).toBe('title');
    expect(fieldOf('title')).toBe('title');
    expect(fieldOf('')).toBe('');
  });

  it('gives each field its own message and the rest to the form', () => {
    const problem = new Problem(422, {
      code: 'invalid',
      detail: 'No.',
      instance: 'urn:uuid:7',
      errors: [
        { pointer: '/title', code: 'short', message: 'Too short' },
        { pointer: '/odd', code: 'odd', message: 'Odd' },
      ],
    });
    expect(problem.fault('title')).toBe('Too short');
    expect(problem.otherFaults(['title']).map((one) => one.message)).toEqual(['Odd']);
    expect(problem.requestId).toBe('7');
  });

  it('knows a lost network', () => {
    expect(new Problem(0, { code: 'offline' }).offline).toBe(true);
    expect(new Problem(500, {}).offline).toBe(false);
  });
});

describe('intents', () => {
  it('keeps one key for the same content, so a double click is one effect', () => {
    const intent = new Intent();
    const key = intent.keyFor([120, 'gift']);
    expect(intent.keyFor([120, 'gift'])).toBe(key);
    expect(intent.keyFor([90, 'gift'])).not.toBe(key);
  });

  it('starts anew once the effect is known', () => {
    const intent = new Intent();
    const key = intent.keyFor('x');
    intent.settle();
    expect(intent.keyFor('x')).not.toBe(key);
  });
});
