import { call } from './client';
import type { Contributions, Instance, Match, Me, Page, Profile, SkillGroup, Token } from './types';

export interface NewAccount {
  handle: string;
  password: string;
  display_name?: string;
  email?: string;
  language: string;
}
export interface SetUp {
  token: string;
  instance_name: string;
  handle: string;
  password: string;
  language: string;
}
export interface AccountChange {
  display_name?: string | null;
  email?: string | null;
  language?: string;
  password?: string;
  current_password?: string;
}

export const getInstance = () => call<Instance>('GET', '/instance');
export const setUp = (body: SetUp) => call<Me>('POST', '/setup', { body });
export const createAccount = (body: NewAccount) => call<Me>('POST', '/accounts', { body });
export const signIn = (handle: string, password: string) =>
  call<Me>('POST', '/sessions', { body: { handle, password } });
export const currentSession = () => call<Me>('GET', '/sessions/current');
export const signOut = () => call<void>('DELETE', '/sessions/current');
export const updateMe = (body: AccountChange) => call<Me>('PATCH', '/me', { body });

export const getProfile = () => call<Profile>('GET', '/me/profile');
export const putProfile = ({ version, ...body }: Profile) =>
  call<Profile>('PUT', '/me/profile', { body, version });
export const listSkills = (language: string) =>
  call<{ groups: SkillGroup[] }>('GET', '/skills', { query: { language } });

export const listTokens = () => call<Page<Token>>('GET', '/me/tokens');
export const createToken = (name: string, scopes: string[], expires_in_days: number) =>
  call<Token & { token: string }>('POST', '/me/tokens', { body: { name, scopes, expires_in_days } });
export const revokeToken = (id: string) => call<void>('DELETE', `/me/tokens/${id}`);

export const listMatches = () => call<{ items: Match[] }>('GET', '/me/matches');
export const listContributions = () => call<Contributions>('GET', '/me/contributions');
