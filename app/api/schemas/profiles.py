"""Shapes of profiles and of the list of skills."""

from collections.abc import Sequence
from typing import Self

from app.api.schemas.base import Shape
from app.infra.week import unpack
from app.models.profiles import Profile, ProfileSkillRow


class SkillLevel(Shape):
    """A skill, and how well: 1 learning, 2 able, 3 teaches others."""

    slug: str
    level: int


class ProfileShape(Shape):
    """A worker's profile; version 0 means that nothing was saved yet."""

    about: str
    skills: list[SkillLevel]
    tags: list[str]
    languages: list[str]
    hours_per_week: int
    time_zone: str
    availability: list[list[int]] | None
    findable: bool
    version: int

    @classmethod
    def of(cls, profile: Profile, skills: Sequence[ProfileSkillRow]) -> Self:
        """Put together a profile and its skills."""
        own = profile.model_dump(include=set(cls.model_fields))
        own["availability"] = unpack(profile.availability) if profile.availability else None
        return cls(**own, skills=[SkillLevel.model_validate(skill) for skill in skills])


class SkillShape(Shape):
    """A skill of the list, in the language asked for."""

    slug: str
    label: str
    synonyms: list[str]


class SkillGroup(Shape):
    """A heading of the list with its skills."""

    slug: str
    label: str
    skills: list[SkillShape]


class SkillList(Shape):
    """The whole list of skills."""

    groups: list[SkillGroup]
