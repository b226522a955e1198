import type { components } from '../generated/schema';
import { api, got, ifMatch } from './client';

export type Webhook = components['schemas']['WebhookShape'];
export type WebhookDelivery = components['schemas']['WebhookDeliveryShape'];
type Fields = components['schemas']['WebhookFields'];

const at = (webhook_id: string) => ({ params: { path: { webhook_id } } });

export const listWebhooks = async (organisation_id: string): Promise<Webhook[]> =>
  (await got(api.GET('/api/v1/webhooks', { params: { query: { organisation_id } } }))).items;
export const addWebhook = (organisation_id: string, body: Fields) =>
  got(api.POST('/api/v1/webhooks', { body: { organisation_id, ...body } }));
export const removeWebhook = (one: Webhook) =>
  got(api.DELETE('/api/v1/webhooks/{webhook_id}', { ...at(one.id), headers: ifMatch(one.version) }));
export const switchWebhook = (id: string, active: boolean) =>
  got(api.POST('/api/v1/webhooks/{webhook_id}/switch', { ...at(id), body: { active } }));
export const replaceSecret = (id: string) => got(api.POST('/api/v1/webhooks/{webhook_id}/secret', at(id)));
export const testWebhook = (id: string) => got(api.POST('/api/v1/webhooks/{webhook_id}/tests', at(id)));
export const listDeliveries = (webhook_id: string, cursor?: string) =>
  got(api.GET('/api/v1/webhooks/{webhook_id}/deliveries', { params: { path: { webhook_id }, query: { cursor } } }));
export const sendAgain = (webhook_id: string, delivery_id: string) =>
  got(api.POST('/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retries', { params: { path: { webhook_id, delivery_id } } }));
