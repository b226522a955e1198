import type { HarmCheck, Need, NeedInput, NeedSkill } from '../api/types';

/** The form holds what is typed, also when it cannot be sent yet. */
type Typed = 'skills' | 'harm_check' | 'tags' | 'places' | 'link' | 'deadline' | 'beneficiary' | 'external_id';
export interface NeedForm extends Omit<NeedInput, Typed> {
  skills: NeedSkill[];
  harm_check: HarmCheck;
  tags: string;
  places: string;
  link: string;
  deadline: string;
  beneficiary: string;
}

export function emptyForm(organisation: string, language: string): NeedForm {
  return {
    organisation_id: organisation, title: '', body: '', language, kind: 'labour', stream: 'gift', skills: [],
    skills_unknown: false, tags: '', estimate_minutes: null, places: '1', urgency: 'normal', deadline: '', remote: true,
    region: '', audience: 'public', audience_peers: [], instant: false,
    harm_check: { data: '', misuse: '', avoidable: '' }, link: '', beneficiary: '',
  };
}

export function formOf(need: Need): NeedForm {
  const { title, body, language, kind, stream, skills, skills_unknown, estimate_minutes, urgency, remote, region } = need;
  return {
    organisation_id: need.organisation?.id ?? '',
    title, body, language, kind, stream, skills: skills.map((one) => ({ ...one })), skills_unknown, estimate_minutes,
    urgency, remote, region,
    tags: need.tags.join(', '),
    places: String(need.places),
    deadline: need.deadline ?? '',
    audience: need.audience,
    audience_peers: [...need.audience_peers],
    instant: need.instant,
    harm_check: need.harm_check ?? { data: '', misuse: '', avoidable: '' },
    link: need.link ?? '',
    beneficiary: need.beneficiary ?? '',
  };
}

export function inputOf(form: NeedForm, readTags: (text: string) => string[]): NeedInput {
  const answers = Object.values(form.harm_check).map((answer) => answer.trim());
  return {
    ...form,
    title: form.title.trim(),
    tags: readTags(form.tags),
    places: Number(form.places) || 1,
    deadline: form.deadline || null,
    region: form.region.trim(),
    audience_peers: form.audience === 'named_peers' ? form.audience_peers : [],
    // Three answers or none: a half-answered check is kept as typed until it is whole.
    harm_check: answers.some(Boolean) ? form.harm_check : null,
    link: form.link.trim() || null,
    beneficiary: form.beneficiary.trim() || null,
    external_id: null,
  };
}
