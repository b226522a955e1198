import { api, got } from './client';

/** One page of what people reported, with the numbers of all that waits for stewards. */
export const listReports = (query: { limit?: number }) => got(api.GET('/api/v1/reports', { params: { query } }));
