import { call, send } from './client';
import type { Job, Page, Peer } from './types';

export const listPeers = () => call<Page<Peer>>('GET', '/peers');
export const proposePeer = (origin: string, key: string) =>
  call<Peer>('POST', '/peers', { body: { origin }, key });
export const movePeer = (id: string, to: string) =>
  call<Peer>('POST', `/peers/${id}/transitions`, { body: { to } });

/** Starts an import and answers the id of its job. */
export async function startImport(
  organisation_id: string,
  file: File,
  dryRun: boolean,
  key: string,
): Promise<string> {
  const form = new FormData();
  form.append('file', file);
  const response = await send('POST', '/imports', {
    query: { organisation_id, dry_run: dryRun ? 1 : 0 },
    form,
    key,
  });
  return (response.headers.get('Location') ?? '').split('/').pop() ?? '';
}
export const getJob = (id: string) => call<Job>('GET', `/jobs/${id}`);
