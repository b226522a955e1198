import { api, got, once } from './client';

export const countWaiting = () => got(api.GET('/api/v1/instance/waiting'));
export const listPeers = () => got(api.GET('/api/v1/peers'));

export interface ImportOrder {
  organisation_id?: string;
  file: File;
  dry_run: boolean;
  language: string;
  columns: Record<string, string>;
}

export function startImport({ file, columns, ...query }: ImportOrder, key: string) {
  const form = new FormData();
  form.append('file', file);
  if (Object.keys(columns).length) form.append('columns', JSON.stringify(columns));
  return got(
    api.POST('/api/v1/imports', {
      params: { query },
      body: { file: file.name },
      bodySerializer: () => form,
      headers: once(key),
    }),
  );
}
export const getJob = (job_id: string) => got(api.GET('/api/v1/jobs/{job_id}', { params: { path: { job_id } } }));
export function lookAtColumns(file: File) {
  const form = new FormData();
  form.append('file', file);
  return got(api.POST('/api/v1/imports/columns', { body: { file: file.name }, bodySerializer: () => form }));
}
export const listImports = async (organisation_id?: string) =>
  (await got(api.GET('/api/v1/imports', { params: { query: { organisation_id } } }))).items;
export const undoImport = (import_id: string) =>
  got(api.POST('/api/v1/imports/{import_id}/undo', { params: { path: { import_id } } }));
export const cancelJob = (job_id: string) =>
  got(api.POST('/api/v1/jobs/{job_id}/cancel', { params: { path: { job_id } } }));
