import { api, got, ifMatch, once } from './client';
import { Problem, type ProblemDocument } from './problem';
import type { components } from '../generated/schema';

export type Message = components['schemas']['MessageShape'];
export type Question = components['schemas']['QuestionShape'];
export type Attached = components['schemas']['FileShape'];

const of = (claim_id: string) => ({ params: { path: { claim_id } } });
const at = (claim_id: string, message_id: string) => ({ params: { path: { claim_id, message_id } } });

export const listMessages = (claim_id: string, cursor?: string) =>
  got(api.GET('/api/v1/claims/{claim_id}/messages', { params: { path: { claim_id }, query: { limit: 50, cursor } } }));
export const postMessage = (claim_id: string, body: string, file_ids: string[], key: string) =>
  got(api.POST('/api/v1/claims/{claim_id}/messages', { ...of(claim_id), body: { body, file_ids }, headers: once(key) }));
export const correctMessage = (claim_id: string, message: Message, body: string) =>
  got(api.PATCH('/api/v1/claims/{claim_id}/messages/{message_id}', { ...at(claim_id, message.id), body: { body }, headers: ifMatch(message.version) }));
export const deleteMessage = (claim_id: string, message_id: string) =>
  got(api.DELETE('/api/v1/claims/{claim_id}/messages/{message_id}', at(claim_id, message_id)));
export const markRead = (claim_id: string, message_id: string) =>
  got(api.POST('/api/v1/claims/{claim_id}/messages/read', { ...of(claim_id), body: { message_id } }));

export const listQuestions = (need_id: string, cursor?: string) =>
  got(api.GET('/api/v1/needs/{need_id}/questions', { params: { path: { need_id }, query: { limit: 50, cursor } } }));
export const askQuestion = (need_id: string, body: string, key: string) =>
  got(api.POST('/api/v1/needs/{need_id}/questions', { params: { path: { need_id } }, body: { body }, headers: once(key) }));
export const answerQuestion = (need_id: string, question_id: string, body: string, key: string) =>
  got(api.POST('/api/v1/needs/{need_id}/questions/{question_id}/answers', { params: { path: { need_id, question_id } }, body: { body }, headers: once(key) }));
const asked = (need_id: string, question_id: string) => ({ params: { path: { need_id, question_id } } });
export const hideQuestion = (need_id: string, question_id: string, reason: string) =>
  got(api.POST('/api/v1/needs/{need_id}/questions/{question_id}/hide', { ...asked(need_id, question_id), body: { reason } }));
export const deleteQuestion = (need_id: string, question_id: string) =>
  got(api.DELETE('/api/v1/needs/{need_id}/questions/{question_id}', asked(need_id, question_id)));
export const removeFile = (file_id: string) => got(api.DELETE('/api/v1/files/{file_id}', { params: { path: { file_id } } }));
export const listNeedFiles = async (need_id: string) =>
  (await got(api.GET('/api/v1/needs/{need_id}/files', { params: { path: { need_id } } }))).items;

/** A file on its way; fetch cannot tell how far it is, so this is the older kind of request. */
export function uploadFile(target: { claim_id: string } | { need_id: string }, file: File, alt: string, language: string,
  onprogress: (share: number) => void) {
  const request = new XMLHttpRequest();
  const done = new Promise<Attached>((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && onprogress(event.loaded / event.total);
    request.onload = () => {
      let answer: unknown = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        answer = {};
      }
      if (request.status === 201) resolve(answer as Attached);
      else reject(new Problem(request.status, answer as ProblemDocument));
    };
    request.onerror = () => reject(new Problem(0, { code: 'offline' }));
    request.onabort = () => reject(new DOMException('cancelled', 'AbortError'));
  });
  request.open('POST', `/api/v1/files?${new URLSearchParams(target)}`);
  request.setRequestHeader('X-Tornallom', '1');
  request.setRequestHeader('Accept-Language', language);
  request.setRequestHeader('Idempotency-Key', crypto.randomUUID());
  const form = new FormData();
  form.append('file', file);
  if (alt) form.append('alt', alt);
  request.send(form);
  return { done, cancel: () => request.abort() };
}
