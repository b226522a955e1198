"""Saved searches: their filters, their limits, and when one is told of. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from app.domain.needs.filters import NeedFilters
from app.domain.profiles.skills import SKILLS
from app.errors import FieldError, InvalidError
from app.models.feeds import Often, SearchFilters
from app.models.needs import NeedKind, Stream, Urgency

CONFIRM, STOP = "alert.confirm", "alert.stop"
CONFIRM_WITHIN = timedelta(days=7)
STOP_LINK_LIFE = timedelta(days=3660)
PER_ACCOUNT = 50
PER_ADDRESS = 20
PER_ADDRESS_A_DAY = 3
PER_NETWORK_A_DAY = 200
LIST_NAME = "alerts"
NEEDS_TOLD_MAX = 20
# "At once" is one letter and then a pause: what an import brings meanwhile comes together.
INSTANT_PAUSE = timedelta(minutes=15)
# What waited so long for its need to be open again is no news.
UNTOLD_KEPT = timedelta(days=60)
# Where nobody said an hour of their own.
HOUR = 8
WEEK_STARTS_ON = 0


def checked(filters: SearchFilters) -> SearchFilters:
    """Return the filters, if each value is one there is."""
    known: Mapping[str, set[str]] = {
        "stream": set(Stream),
        "kind": set(NeedKind),
        "urgency": set(Urgency),
        "skill": set(SKILLS),
    }
    for name, values in known.items():
        said = getattr(filters, name)
        named = said if isinstance(said, list) else [said] if said else []
        if not set(named) <= values:
            wrong = [FieldError(f"/filters/{name}", "invalid")]
            raise InvalidError("validation_failed", errors=wrong)
    return filters


def kept(filters: SearchFilters) -> dict[str, Any]:
    """Return what is written down: only what narrows, languages in one order."""
    said = filters.model_dump(mode="json")
    said["language"] = sorted({code.lower() for code in said["language"]})
    return {name: value for name, value in said.items() if value not in (None, "", [])}


def as_fields(filters: NeedFilters) -> SearchFilters:
    """Return the filters of a list as they can be saved; its order is not one of them.

    What an address may hold and no search could keep is left out, as lists leave out what means
    nothing.
    """
    names = set(SearchFilters.model_fields)
    said = {name: value for name, value in asdict(filters).items() if name in names}
    try:
        return SearchFilters.model_validate(said)
    except ValidationError as error:
        wrong = {each["loc"][0] for each in error.errors(include_input=False)}
        return SearchFilters.model_validate({n: v for n, v in said.items() if n not in wrong})


def filters_of(said: Mapping[str, Any]) -> NeedFilters:
    """Return the filters of a saved search as lists are asked with them, newest first."""
    fields = SearchFilters.model_validate(dict(said))
    return NeedFilters(
        q=fields.q,
        skill=tuple(fields.skill),
        language=tuple(fields.language),
        hours_max=fields.hours_max,
        stream=Stream(fields.stream) if fields.stream else None,
        kind=NeedKind(fields.kind) if fields.kind else None,
        region=fields.region,
        organisation=fields.organisation,
        instance=fields.instance,
        urgency=Urgency(fields.urgency) if fields.urgency else None,
        remote=fields.remote,
        sort="newest",
    )


def last_due(often: Often, now: datetime, hour: int, zone: str) -> datetime | None:
    """Return the newest moment at which a search was to be told of; None when it never is.

    An hour that a change of the clocks leaves out is the one after it; one that comes twice is
    the first.
    """
    if often is Often.OFF:
        return None
    if often is Often.INSTANT:
        return now
    place = ZoneInfo(zone)
    day = now.astimezone(place).date()
    if datetime.combine(day, time(hour), place).astimezone(UTC) > now:
        day -= timedelta(days=1)
    if often is Often.WEEKLY:
        day -= timedelta(days=(day.weekday() - WEEK_STARTS_ON) % 7)
    return datetime.combine(day, time(hour), place).astimezone(UTC)
