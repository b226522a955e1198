"""The filters of the list of needs, as they stand in its address.

A value that means nothing is left out instead of being refused: addresses are shared, typed
and cut off, and a list with one filter less is a better answer than an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from starlette.datastructures import QueryParams

from app.domain.needs.filters import HERE, SORTS
from app.domain.needs.queries import Facets, NeedFilters
from app.domain.profiles.skills import SKILLS
from app.federation.wire.addresses import AddressError, normal_origin
from app.infra.i18n import format_minutes, translate
from app.models.needs import NeedKind, Stream, Urgency
from app.pages.forms import Form

HOURS_OFFERED = (1, 2, 4, 8, 20, 40)
HOURS_MAX = 10_000
TEXT_MAX = 200
REMOTE = {"yes": True, "no": False}
LANGUAGES_MAX = 20
INSTANCE_MAX = 300

Choice = TypeVar("Choice", bound=StrEnum)


def _choice(kind: type[Choice], value: str | None) -> Choice | None:
    try:
        return kind(value or "")
    except ValueError:
        return None


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value or "")
    except ValueError:
        return None


def _hours(value: str | None) -> int | None:
    known = value is not None and value.isascii() and value.isdigit() and len(value) < 6
    return min(int(value), HOURS_MAX) if known and value else None


def _text(said: str) -> str:
    """Cut what is too long between two words: half a word is another one."""
    text = said.strip()
    if len(text) <= TEXT_MAX:
        return text
    whole, space, _ = text[: TEXT_MAX + 1].rpartition(" ")
    return whole if space else text[:TEXT_MAX]


def _instance(said: str) -> str:
    """Return an instance's host as needs are kept under it, or the word for this one."""
    if said == HERE or not said or len(said) > INSTANCE_MAX:
        return said if said == HERE else ""
    try:
        host = normal_origin(said).partition("://")[2]
    except AddressError:
        return ""
    return host if "." in host or ":" in host else ""


def _languages(values: Sequence[str]) -> list[str]:
    plain = [code for code in values if code.isascii() and 2 <= len(code) <= 35]
    return list(dict.fromkeys(code.lower() for code in plain))[:LANGUAGES_MAX]


@dataclass(frozen=True)
class NeedQuery(Form):
    """The filters in both forms: what the domain is asked, and what the form shows."""

    filters: NeedFilters = field(default_factory=NeedFilters)

    @classmethod
    def of(cls, params: QueryParams) -> "NeedQuery":
        """Read the address."""
        skill = params.get("skill")
        filters = NeedFilters(
            q=_text(params.get("q", "")),
            skill=[skill] if skill and skill in SKILLS else [],
            language=_languages(params.getlist("language")),
            hours_max=_hours(params.get("hours")),
            stream=_choice(Stream, params.get("stream")),
            kind=_choice(NeedKind, params.get("kind")),
            organisation=_uuid(params.get("organisation")),
            instance=_instance(params.get("instance", "")),
            urgency=_choice(Urgency, params.get("urgency")),
            region=_text(params.get("region", "")),
            remote=REMOTE.get(params.get("remote", "")),
            sort=params.get("sort", "") if params.get("sort") in SORTS else "",
        )
        return cls(sent=_shown(filters), filters=filters)

    @property
    def active(self) -> int:
        """How many filters narrow the list; all languages together are one."""
        return len(self.sent.keys() - {"sort"})

    def elsewhere(self, path: str) -> str:
        """Return another address that takes the same filters; the order is none of them."""
        pairs = [(n, value) for n, all_ in self.sent.items() for value in all_ if n != "sort"]
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def href(self, *, without: str = "", cursor: str | None = None) -> str:
        """Return the address of this list, with a filter less or further on."""
        pairs = [
            (name, value)
            for name, values in self.sent.items()
            if name != without
            for value in values
        ]
        if cursor:
            pairs.append(("cursor", cursor))
        return f"/needs?{urlencode(pairs)}" if pairs else "/needs"


def _shown(filters: NeedFilters) -> dict[str, list[str]]:
    single = {
        "q": filters.q,
        "skill": filters.skill[0] if filters.skill else None,
        "hours": filters.hours_max,
        "stream": filters.stream,
        "kind": filters.kind,
        "organisation": filters.organisation,
        "instance": filters.instance,
        "urgency": filters.urgency,
        "region": filters.region,
        "remote": next((said for said, is_so in REMOTE.items() if is_so is filters.remote), None),
        "sort": filters.sort,
    }
    shown = {name: [str(value)] for name, value in single.items() if value}
    return {**shown, "language": list(filters.language)} if filters.language else shown


def hour_choices(language: str, facets: Facets) -> list[tuple[str, str]]:
    """Return the sizes of work that the form offers."""
    offered = [
        (str(n), translate(language, "page.needs.up_to", time=format_minutes(language, n * 60)))
        for n in HOURS_OFFERED
    ]
    return [("", translate(language, "page.needs.any_time")), *counted(offered, "hours", facets)]


def instance_choices(language: str, chosen: str, facets: Facets) -> list[tuple[str, str]]:
    """Return where needs live, this instance first; none to choose where there is only this one."""
    others = {*facets.counts["instance"], chosen} - {HERE, ""}
    if not others:
        return []
    here = (HERE, translate(language, "page.needs.here"))
    named = sorted((host, host) for host in others)
    every = ("", translate(language, "page.needs.all_instances"))
    return [every, *counted([here, *named], "instance", facets)]


def counted(offered: Sequence[tuple[str, str]], name: str, facets: Facets) -> list[tuple[str, str]]:
    """Write beside each choice how many needs it would leave; what leaves none says so too."""
    counts = facets.counts[name]
    more = "+" if name in facets.bounded else ""
    found = []
    for value, label in offered:
        key = str(REMOTE.get(value, value)).lower() if name == "remote" else value
        found.append((value, f"{label} ({counts.get(key, 0)}{more})" if value else label))
    return found
