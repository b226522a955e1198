"""The list of skills in the reader's words, for choosing and for showing."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

from app.domain.profiles import skills
from app.pages.views import SkillView


class SkillGroup(NamedTuple):
    """A heading of the list with its skills."""

    label: str
    skills: Sequence[SkillView]
    chosen: bool = False


@lru_cache(maxsize=16)
def skill_groups(language: str) -> Sequence[SkillGroup]:
    """Return the whole list in one language."""
    return [
        SkillGroup(
            skills.group_label(group, language),
            [SkillView(slug, skills.label(slug, language)) for slug in group.skills],
        )
        for group in skills.GROUPS
    ]


def skill_groups_with(language: str, chosen: Collection[str]) -> Sequence[SkillGroup]:
    """Return the list with the headings marked under which something is chosen."""
    return [
        group._replace(chosen=any(skill.slug in chosen for skill in group.skills))
        for group in skill_groups(language)
    ]


def skill_views(language: str, slugs: Sequence[str], must: Collection[str]) -> list[SkillView]:
    """Return a need's skills, those it cannot do without first."""
    ordered = sorted(slugs, key=lambda slug: slug not in must)
    return [SkillView(slug, skills.label(slug, language), slug in must) for slug in ordered]
