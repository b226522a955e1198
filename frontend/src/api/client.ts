// The one way to the server: the generated client, our headers, and one shape of failure.
import createClient, { type Middleware } from 'openapi-fetch';
import type { paths } from '../generated/schema';
import { Problem, type ProblemDocument } from './problem';

let language = 'en';
let onSignedOut: () => void = () => {};

export function speak(next: string): void {
  language = next;
}
export function whenSignedOut(action: () => void): void {
  onSignedOut = action;
}

async function problemOf(response: Response): Promise<Problem> {
  const document = (await response.json().catch(() => ({}))) as ProblemDocument;
  return new Problem(response.status, { instance: response.headers.get('X-Request-Id'), ...document });
}

const edge: Middleware = {
  onRequest({ request }) {
    request.headers.set('Accept-Language', language);
    // A header that no foreign form or image can send: part of the defence of cookie sessions.
    request.headers.set('X-Tornallom', '1');
    if (request.method === 'POST' && !request.headers.has('Idempotency-Key')) {
      request.headers.set('Idempotency-Key', crypto.randomUUID());
    }
    return request;
  },
  async onResponse({ response, schemaPath }) {
    if (response.ok) return;
    const problem = await problemOf(response);
    if (problem.status === 401 && !schemaPath.startsWith('/api/v1/sessions')) onSignedOut();
    throw problem;
  },
  onError({ error, request }) {
    return request.signal.aborted && error instanceof Error ? error : new Problem(0, { code: 'offline' });
  },
};

export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });
api.use(edge);

/** Failures are thrown by the edge, so what comes back is the answer. */
export async function got<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** The version that a change is based on. */
export function ifMatch(version: number): { 'If-Match': string } {
  return { 'If-Match': `"${version}"` };
}

/** One key for one intent: a repeated call has one effect. */
export function once(key: string): { 'Idempotency-Key': string } {
  return { 'Idempotency-Key': key };
}
