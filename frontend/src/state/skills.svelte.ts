import { listSkills } from '../api/identity';
import type { SkillGroup } from '../api/types';
import { language } from '../i18n/index.svelte';

let groups = $state.raw<SkillGroup[]>([]);
const asked = new Map<string, Promise<SkillGroup[]>>();

export function skillGroups(): SkillGroup[] {
  return groups;
}

/** The list changes rarely: it is asked once a language, for as long as the tab is open. */
export async function needSkills(): Promise<void> {
  const wished = language();
  const known = asked.get(wished) ?? listSkills(wished).then((answer) => answer.groups);
  asked.set(wished, known);
  try {
    const found = await known;
    if (wished === language()) groups = found;
  } catch {
    // Slugs are readable, so a missing list stops nobody; the next page asks again.
    asked.delete(wished);
  }
}

export function skillLabel(slug: string): string {
  for (const group of groups) {
    const skill = group.skills.find((one) => one.slug === slug);
    if (skill) return skill.label;
  }
  return slug;
}
