// Short names for the shapes of the API, which are generated from its description.
import type { components } from '../generated/schema';

type Schemas = components['schemas'];
/** Answers always carry every field, also those with a default. */
type Whole<T> = Required<T>;

export type NeedState = Schemas['NeedState'];
export type NeedKind = Schemas['NeedKind'];
export type Stream = Schemas['Stream'];
export type WorkStream = Schemas['WorkStream'];
export type Urgency = Schemas['Urgency'];
export type Audience = Schemas['Audience'];
export type ClaimState = Schemas['ClaimState'];
export type OrganisationState = Schemas['OrganisationState'];
export type MemberRole = Schemas['MemberRole'];
export type PeerState = Schemas['PeerState'];
export type Scope = Schemas['Scope'];

export type Me = Schemas['Me'];
export type Membership = Schemas['MembershipShape'];
export type Instance = Schemas['InstanceShape'];
export type Profile = Schemas['ProfileShape'];
export type SkillGroup = Schemas['SkillGroup'];
export type Token = Schemas['TokenShape'];

export type NeedSkill = Whole<Schemas['NeedSkillFields']>;
export type Contact = Schemas['Contact'];
export type HandoverItem = Whole<Schemas['HandoverItem']>;
export type HandoverKind = Schemas['HandoverKind'];
export type Maintainer = Schemas['Maintainer'];
export type Closing = Partial<Schemas['ClosingFields']>;
export type HarmCheck = Schemas['HarmCheck'];
export type NeedInput = Whole<Schemas['NeedInput']>;
export type Need = Omit<Schemas['NeedShape'], 'skills'> & { skills: NeedSkill[] };
export type Reason = Schemas['ReasonShape'];
export type Match = Omit<Schemas['MatchShape'], 'need'> & { need: Need };
export type Board = Omit<Schemas['MatchList'], 'items'> & { items: Match[] };

export type Claim = Whole<Schemas['ClaimShape']>;
export type WorkLog = Schemas['WorkLogShape'];
export type Contributions = Schemas['ContributionList'];
export type BookEntry = Schemas['EntryShape'];
export type WorkerShare = Schemas['WorkerShareShape'];
export type BookTask = Schemas['TaskShape'];

export type Organisation = Schemas['OrganisationShape'];
export type OrganisationInput = Whole<Schemas['OrganisationFields']>;
export type Member = Schemas['MemberShape'];
export type Peer = Schemas['PeerShape'];
export type Job = Schemas['JobShape'];

export type Policy = Schemas['Policy-Input'];
export type Preview = Schemas['PolicyPreviewShape'];
export type PreviewQuestion = Schemas['PolicyPreviewInput'];
