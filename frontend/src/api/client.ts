import { Problem, type ProblemDocument } from './problem';

type Query = Record<string, string | number | boolean | undefined | null | readonly string[]>;

interface Options {
  query?: Query;
  body?: unknown;
  form?: FormData;
  /** The version that a change is based on. */
  version?: number;
  /** One key for one intent: a repeated call has one effect. */
  key?: string;
  signal?: AbortSignal;
}

let language = 'en';
let onSignedOut: () => void = () => {};

export function speak(next: string): void {
  language = next;
}
export function whenSignedOut(action: () => void): void {
  onSignedOut = action;
}

function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  return `/api/v1${path}${search.size ? `?${search}` : ''}`;
}

function headers(method: string, options: Options): Headers {
  const result = new Headers({ Accept: 'application/json', 'Accept-Language': language, 'X-Tornallom': '1' });
  if (options.body !== undefined) result.set('Content-Type', 'application/json');
  if (options.version !== undefined) result.set('If-Match', `"${options.version}"`);
  if (method === 'POST') result.set('Idempotency-Key', `"${options.key ?? crypto.randomUUID()}"`);
  return result;
}

async function problemOf(response: Response): Promise<Problem> {
  const document = (await response.json().catch(() => ({}))) as ProblemDocument;
  return new Problem(response.status, { instance: response.headers.get('X-Request-Id'), ...document });
}

export async function send(method: string, path: string, options: Options = {}): Promise<Response> {
  const body = options.form ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  let response: Response;
  try {
    response = await fetch(address(path, options.query), {
      method,
      headers: headers(method, options),
      body,
      signal: options.signal,
      credentials: 'same-origin',
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, { code: 'offline' });
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (problem.status === 401 && !path.startsWith('/sessions')) onSignedOut();
  throw problem;
}

export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const response = await send(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}
