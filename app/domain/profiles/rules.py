"""Rules of profiles: pure."""

from app.domain.organisations.rules import time_zone_known
from app.domain.profiles.skills import SKILLS
from app.errors import FieldError
from app.models.profiles import ProfileFields


def profile_faults(fields: ProfileFields) -> list[FieldError]:
    """Say what the shape alone cannot: skills outside the list or named twice, unknown zones."""
    faults = []
    seen: set[str] = set()
    for place, skill in enumerate(fields.skills):
        if skill.slug not in SKILLS:
            faults.append(FieldError(f"/skills/{place}/slug", "skill_unknown"))
        elif skill.slug in seen:
            faults.append(FieldError(f"/skills/{place}/slug", "skill_repeated"))
        seen.add(skill.slug)
    if not time_zone_known(fields.time_zone):
        faults.append(FieldError("/time_zone", "time_zone_unknown"))
    return faults
