import type { components } from '../generated/schema';
import { api, got, ifMatch } from './client';
import type { Instance, Me, Profile, Scope } from './types';

type Schemas = components['schemas'];

export const getInstance = (): Promise<Instance> => got(api.GET('/api/v1/instance'));
export const setUp = (body: Schemas['SetupInput']): Promise<Me> => got(api.POST('/api/v1/setup', { body }));
export const createAccount = (body: Schemas['NewAccount']): Promise<Me> => got(api.POST('/api/v1/accounts', { body }));
export const signIn = (handle: string, password: string): Promise<Me> =>
  got(api.POST('/api/v1/sessions', { body: { handle, password } }));
export const currentSession = (): Promise<Me> => got(api.GET('/api/v1/sessions/current'));
export const signOut = () => got(api.DELETE('/api/v1/sessions/current'));
export const updateMe = (body: Schemas['AccountChanges']): Promise<Me> => got(api.PATCH('/api/v1/me', { body }));

export const getProfile = (): Promise<Profile> => got(api.GET('/api/v1/me/profile'));
export const putProfile = ({ version, ...body }: Profile): Promise<Profile> =>
  got(api.PUT('/api/v1/me/profile', { body, headers: ifMatch(version) }));
export const listSkills = (language: string) => got(api.GET('/api/v1/skills', { params: { query: { language } } }));

export const listTokens = () => got(api.GET('/api/v1/me/tokens'));
export const createToken = (name: string, scopes: Scope[], expires_in_days: number) =>
  got(api.POST('/api/v1/me/tokens', { body: { name, scopes, expires_in_days } }));
export const revokeToken = (token_id: string) =>
  got(api.DELETE('/api/v1/me/tokens/{token_id}', { params: { path: { token_id } } }));

export const listContributions = () => got(api.GET('/api/v1/me/contributions', { params: { query: { limit: 100 } } }));
