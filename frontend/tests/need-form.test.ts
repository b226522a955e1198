import { expect, test } from 'vitest';
import { Problem } from '../src/api/problem';
import { emptyForm, inputOf } from '../src/lib/need-form';
import { findLeaks } from '../src/lib/secrets';

test('days that are set are sent as numbers, the others as usual', () => {
  const form = emptyForm('x', 'en');
  form.clocks.heartbeat_days = '14';
  const sent = inputOf(form, () => []).clocks;
  expect(sent).toEqual({ start_days: null, heartbeat_days: 14, answer_days: null, confirm_days: null, renewal_days: null });
});

test('a fault stands beside the day it is about', () => {
  const problem = new Problem(422, { errors: [{ pointer: '/clocks/heartbeat_days', code: 'x', message: 'too few' }] });
  expect(problem.fault('clocks/heartbeat_days')).toBe('too few');
  expect(problem.fault('clocks/start_days')).toBeUndefined();
  expect(problem.fault('clocks')).toBe('too few');
});

test('a password is found in a message', () => {
  expect(findLeaks('the password: hunter22')).toContain('password');
  expect(findLeaks('we meet at six')).toEqual([]);
});
