"""One's own profile as a page: skills, languages, hours and when, whether to be found."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.profiles import actions, queries
from app.errors import AppError, InvalidError, StaleError
from app.infra.i18n import LANGUAGES, day_names, translate
from app.infra.week import DAYS, HOURS, unpack
from app.models.profiles import Profile, ProfileFields
from app.pages.catalogue import skill_groups_with
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import invalid, refused
from app.pages.forms import Form, Problem
from app.pages.rendering import language_name, render

PART_HOURS = 4
PARTS = HOURS // PART_HOURS
ABLE = 2

router = APIRouter(route_class=PageRoute)


@router.get("/me/profile")
async def show_profile(db: Db, visit: SignedIn) -> Response:
    """Show the form with what the profile says."""
    return await _render(visit, await _form_of(db, visit))


@router.post("/me/profile")
async def save_profile(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Save it; what was changed elsewhere meanwhile is never overwritten unseen."""
    try:
        fields, version = await _fields_of(db, visit, form), _version(form)
        async with db.begin_nested():
            await actions.save_profile(db, visit.actor, fields, version)
    except ValidationError as error:
        return await _render(visit, invalid(form, visit.language, error), 422)
    except StaleError as error:
        now = await _form_of(db, visit)
        said = Problem(None, translate(visit.language, "page.profile.stale"))
        newer = Form({**form.sent, "version": [now.value("version")]}, [said])
        return await _render(visit, newer, error.status)
    except AppError as error:
        return await _render(visit, refused(form, visit.language, error), error.status)
    return go("/me/profile", "changed")


def _version(form: Form) -> int | None:
    value = form.value("version")
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidError("form_unreadable")
    return int(value) or None


async def _form_of(db: Db, visit: Visit) -> Form:
    found = await queries.profile_of(db, visit.actor.signed_in())
    fresh = Profile(languages=[visit.language], version=0)  # type: ignore[call-arg]
    profile, skills = found or (fresh, [])
    week = unpack(profile.availability) if profile.availability else [[]] * DAYS
    whole = [(day, part) for day in range(DAYS) for part in range(PARTS) if _whole(week[day], part)]
    return Form(
        {
            "version": [str(profile.version)],
            "about": [profile.about],
            "tags": [", ".join(profile.tags)],
            "skills": [skill.slug for skill in skills],
            "languages": list(profile.languages),
            "hours_per_week": [str(profile.hours_per_week)],
            "time_zone": [profile.time_zone],
            "part": [f"{day}-{part}" for day, part in whole],
            "hour": [
                f"{day}-{hour}"
                for day, hours in enumerate(week)
                for hour in hours
                if (day, hour // PART_HOURS) not in whole
            ],
            "findable": ["yes"] if profile.findable else [],
        }
    )


def _whole(hours: list[int], part: int) -> bool:
    return set(range(part * PART_HOURS, (part + 1) * PART_HOURS)) <= set(hours)


async def _fields_of(db: Db, visit: Visit, form: Form) -> ProfileFields:
    """Read the form; how well one knows a skill is not asked here and stays as it is."""
    found = await queries.profile_of(db, visit.actor.signed_in())
    levels = {skill.slug: skill.level for skill in found[1]} if found else {}
    values: dict[str, Any] = {
        "about": form.value("about"),
        "tags": [tag.strip() for tag in form.value("tags").split(",") if tag.strip()],
        "skills": [{"slug": s, "level": levels.get(s, ABLE)} for s in form.values("skills")],
        "languages": list(form.values("languages")),
        "hours_per_week": form.value("hours_per_week") or 0,
        "time_zone": form.value("time_zone") or "UTC",
        "availability": _week(form),
        "findable": "yes" in form.values("findable"),
    }
    return ProfileFields.model_validate(values)


def _week(form: Form) -> list[list[int]]:
    """Read the parts of days and the single hours; a box nobody could tick is no hour."""
    week: list[set[int]] = [set() for _ in range(DAYS)]
    parts = {f"{day}-{part}": (day, part) for day in range(DAYS) for part in range(PARTS)}
    hours = {f"{day}-{hour}": (day, hour) for day in range(DAYS) for hour in range(HOURS)}
    for day, part in (parts[name] for name in form.values("part") if name in parts):
        week[day].update(range(part * PART_HOURS, (part + 1) * PART_HOURS))
    for day, hour in (hours[name] for name in form.values("hour") if name in hours):
        week[day].add(hour)
    return [sorted(day) for day in week]


async def _render(visit: Visit, form: Form, status: int = 200) -> Response:
    return await render(
        visit.page, "my_profile.html", status=status, form=form, **_options(visit, form)
    )


def _options(visit: Visit, form: Form) -> Mapping[str, Any]:
    language = visit.language
    spoken = dict.fromkeys((*LANGUAGES, *form.values("languages")))
    zones = sorted({z for z in available_timezones() if "/" in z} - {form.value("time_zone")})
    own = [form.value("time_zone")] if form.value("time_zone") else []
    return {
        "skill_groups": skill_groups_with(language, form.values("skills")),
        "languages": [(code, language_name(code)) for code in spoken],
        "zones": [(zone, zone.replace("_", " ")) for zone in dict.fromkeys((*own, "UTC", *zones))],
        "days": list(
            zip(day_names(language, "wide"), day_names(language, "abbreviated"), strict=True)
        ),
        "parts_of_day": [(part * PART_HOURS, (part + 1) * PART_HOURS) for part in range(PARTS)],
    }
