"""The list of skills: what a tag means, what a skill is called, what stands near it.

The list is data (skills.json, CC0). Matching is exact after folding: a tag that is not one of
the written names stays a free tag, because a wrong skill brings the wrong people.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from app.infra.i18n import DEFAULT_LANGUAGE
from app.infra.text import fold as text_fold

TAG_LENGTH_MAX = 80

_SEPARATORS = re.compile(r"[\s\-_./·'’,()]+")


@dataclass(frozen=True)
class Skill:
    """One skill; synonyms are grouped by the language they belong to ("en" holds tool names)."""

    slug: str
    group: str
    labels: Mapping[str, str]
    synonyms: Mapping[str, tuple[str, ...]]
    near: frozenset[str]


@dataclass(frozen=True)
class Group:
    """One heading of the list, with its skills in the order in which they are shown."""

    slug: str
    labels: Mapping[str, str]
    skills: tuple[str, ...]


class SkillListError(Exception):
    """skills.json contradicts itself."""


def fold(text: str) -> str:
    """Reduce a tag to what its writers agree on.

    Case, accents, the final sigma, the Catalan l·l, spaces and joining signs do not count;
    the signs of "c#", "c++" and ".net" do. Any other sign stays, so that "c*" is not "c".
    """
    spelled = text_fold(text).strip().replace("++", "pp").replace("#", "sharp")
    if spelled.startswith(".") and len(spelled) > 1 and spelled[1].isalpha():
        spelled = "dot" + spelled[1:]
    return _SEPARATORS.sub("", spelled)


def _terms(skill: Skill) -> Iterator[str]:
    yield skill.slug
    yield from skill.labels.values()
    for terms in skill.synonyms.values():
        yield from terms


def build_index(skills: Mapping[str, Skill]) -> dict[str, str]:
    """Map each folded name to its skill; one name for two skills is a fault of the list."""
    index: dict[str, str] = {}
    for skill in skills.values():
        for term in _terms(skill):
            owner = index.setdefault(fold(term), skill.slug)
            if owner != skill.slug:
                message = f"{term!r} names both {owner} and {skill.slug}"
                raise SkillListError(message)
    return index


def _read_skills(rows: list[dict[str, object]]) -> dict[str, Skill]:
    near: dict[str, set[str]] = {str(row["slug"]): set() for row in rows}
    for row in rows:
        for other in _texts(row["near"]):
            # Nearness has no direction, so the list names each pair once.
            near[str(row["slug"])].add(other)
            near[other].add(str(row["slug"]))
    return {str(row["slug"]): _read_skill(row, near[str(row["slug"])]) for row in rows}


def _read_skill(row: Mapping[str, object], near: set[str]) -> Skill:
    synonyms = {language: _texts(terms) for language, terms in _pairs(row["synonyms"])}
    labels = {language: str(text) for language, text in _pairs(row["labels"])}
    return Skill(
        slug=str(row["slug"]),
        group=str(row["group"]),
        labels=MappingProxyType(labels),
        synonyms=MappingProxyType(synonyms),
        near=frozenset(near),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _pairs(value: object) -> list[tuple[str, object]]:
    return [(str(key), item) for key, item in value.items()] if isinstance(value, dict) else []


def _read_groups(rows: list[dict[str, object]], skills: Mapping[str, Skill]) -> tuple[Group, ...]:
    return tuple(
        Group(
            slug=str(row["slug"]),
            labels=MappingProxyType({lang: str(text) for lang, text in _pairs(row["labels"])}),
            skills=tuple(s.slug for s in skills.values() if s.group == row["slug"]),
        )
        for row in rows
    )


_document = json.loads(Path(__file__).with_name("skills.json").read_text(encoding="utf-8"))
SKILLS: Mapping[str, Skill] = MappingProxyType(_read_skills(_document["skills"]))
GROUPS: tuple[Group, ...] = _read_groups(_document["groups"], SKILLS)
_INDEX = build_index(SKILLS)


def match_tag(text: str) -> str | None:
    """Return the slug of the skill that a free tag names in any of the languages, or None."""
    if len(text) > TAG_LENGTH_MAX:
        return None
    return _INDEX.get(fold(text))


def near(slug: str) -> frozenset[str]:
    """Return the skills whose owners can probably help too; empty for an unknown slug."""
    skill = SKILLS.get(slug)
    return skill.near if skill else frozenset()


def label(slug: str, language: str) -> str:
    """Return a skill's name; English for another language, the slug for an unknown skill."""
    skill = SKILLS.get(slug)
    if skill is None:
        return slug
    return skill.labels.get(language, skill.labels[DEFAULT_LANGUAGE])


def group_label(group: Group, language: str) -> str:
    """Return a heading's name; English for another language."""
    return group.labels.get(language, group.labels[DEFAULT_LANGUAGE])
