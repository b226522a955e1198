export type Language = string;
export type NeedState =
  | 'draft' | 'review' | 'open' | 'paused' | 'in_progress' | 'done' | 'archived' | 'withdrawn' | 'expired';
export type NeedKind =
  | 'labour' | 'money_record' | 'training' | 'networking' | 'development' | 'rescue' | 'hosting'
  | 'communication' | 'organising' | 'ecommerce' | 'outreach' | 'security' | 'design' | 'translation' | 'teaching';
export type Stream = 'gift' | 'stipend' | 'paid';
export type WorkStream = 'livelihood' | 'gift' | 'care' | 'governance';
export type Urgency = 'low' | 'normal' | 'high';
export type Audience = 'instance' | 'named_peers' | 'peers' | 'public';
export type ClaimState =
  | 'applied' | 'accepted' | 'active' | 'submitted' | 'confirmed' | 'declined' | 'withdrawn' | 'expired'
  | 'released' | 'lapsed' | 'changes_requested' | 'disputed' | 'rejected';
export type OrganisationState = 'proposed' | 'accepted' | 'declined' | 'suspended';
export type MemberRole = 'owner' | 'member';

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Account {
  id: string;
  handle: string;
  display_name: string;
  email: string | null;
  language: Language;
  steward: boolean;
}
export interface Membership {
  organisation: { id: string; name: string; slug: string; state: OrganisationState };
  role: MemberRole;
  worker_owner: boolean;
}
export interface Me {
  account: Account;
  memberships: Membership[];
}
export interface Instance {
  name: string;
  origin: string;
  languages: Language[];
  version: string;
  needs_setup: boolean;
  counts: { needs_open: number; organisations: number; peers: number };
}
export interface NeedSkill {
  slug: string;
  weight: 'must' | 'nice';
}
export interface HarmCheck {
  data: string;
  misuse: string;
  avoidable: string;
}
export interface NeedInput {
  organisation_id: string;
  title: string;
  body: string;
  language: Language;
  kind: NeedKind;
  stream: Stream;
  skills: NeedSkill[];
  skills_unknown: boolean;
  tags: string[];
  estimate_minutes: number | null;
  places: number;
  urgency: Urgency;
  deadline: string | null;
  remote: boolean;
  region: string;
  audience: Audience;
  audience_peers: string[];
  instant: boolean;
  harm_check: HarmCheck | null;
  link: string | null;
  external_id: string | null;
  beneficiary: string | null;
}
export interface Need extends Omit<NeedInput, 'organisation_id'> {
  id: string;
  organisation: { id: string; name: string; slug: string } | null;
  organisation_name: string;
  state: NeedState;
  state_reason: string;
  taken: number;
  version: number;
  created_at: string;
  updated_at: string;
  published_at: string | null;
  origin: { instance: string; url: string } | null;
  possible_transitions: NeedState[];
  my_claim: { id: string; state: ClaimState } | null;
  may_claim: { allowed: boolean; code: string | null; reason: string | null };
}
export interface NeedPage extends Page<Need> {
  hidden_by_language: number;
}
export interface Claim {
  id: string;
  need: { id: string; title: string; organisation_name: string; language: Language };
  worker: { account_id: string; handle: string; display_name: string | null };
  state: ClaimState;
  note: string;
  minutes_logged: number;
  possible_transitions: ClaimState[];
  may_confirm: boolean;
  created_at: string;
  updated_at: string;
  version: number;
  history: { from: ClaimState | null; to: ClaimState; reason: string; at: string; by: string }[];
  confirmation: { minutes: number; stream: WorkStream; entry_id: string; at: string } | null;
}
export interface WorkLog {
  id: string;
  worked_on: string;
  minutes: number;
  note: string;
}
export interface Match {
  need: Need;
  score: number;
  reasons: { code: string; text: string }[];
}
export interface Organisation {
  id: string;
  slug: string;
  name: string;
  summary: string;
  languages: Language[];
  site: string | null;
  time_zone: string;
  state: OrganisationState;
  state_reason: string;
  version: number;
  created_at: string;
  open_needs: number;
  my_role: MemberRole | null;
}
export interface Member {
  account_id: string;
  handle: string;
  display_name: string;
  role: MemberRole;
  worker_owner: boolean;
}
export interface Profile {
  about: string;
  skills: { slug: string; level: number }[];
  tags: string[];
  languages: Language[];
  hours_per_week: number;
  time_zone: string;
  findable: boolean;
  version: number;
}
export interface SkillGroup {
  slug: string;
  label: string;
  skills: { slug: string; label: string; synonyms: string[] }[];
}
export interface Contribution {
  entry_id: string;
  need_id: string | null;
  need_title: string;
  organisation_name: string;
  minutes: number;
  stream: WorkStream;
  worked_on: string | null;
  confirmed_at: string;
}
export interface Contributions {
  items: Contribution[];
  total_minutes: number;
  next_cursor: string | null;
  by_stream: Record<string, number>;
}
export interface BookBrief {
  id: string;
  organisation: { id: string; name: string; slug: string };
}
export interface WorkerShare {
  account_id: string;
  handle: string;
  display_name: string;
  minutes: number;
  share_percent: string;
}
export interface Book extends BookBrief {
  total_minutes: number;
  entries: number;
  workers: WorkerShare[];
  sums: Record<string, number>;
}
export interface BookEntry {
  entry_id: string;
  kind: 'contribution' | 'correction';
  worker: string;
  need_id: string | null;
  need_title: string;
  organisation_name: string;
  minutes: number;
  stream: WorkStream;
  worked_on: string;
  recorded_at: string;
  recorded_by: string;
}
export type Scope =
  | 'needs:read' | 'needs:write' | 'claims:read' | 'claims:write' | 'ledger:read' | 'organisations:write'
  | 'profile:write' | 'peers:write' | 'admin';
export interface Token {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string;
  used_at: string | null;
}
export type PeerState =
  | 'none' | 'proposed' | 'requested' | 'active' | 'suspended' | 'key_changed' | 'ended' | 'blocked';
export interface Peer {
  id: string;
  origin: string;
  name: string;
  state: PeerState;
  fingerprint: string;
  health: string;
  possible_transitions: PeerState[];
}
export interface Job {
  id: string;
  kind: string;
  state: 'queued' | 'running' | 'done' | 'failed';
  done: number;
  total: number | null;
  warnings: { line: number | null; column: string | null; code: string; message: string }[];
  result: { create: number; update: number; unchanged: number; skip: number } | null;
}
