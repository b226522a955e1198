"""The form of a need: from its fields to the domain, and from a need to its fields."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from babel import Locale, UnknownLocaleError
from starlette.responses import Response

from app.domain.needs.clocks import USUAL
from app.domain.needs.rules import HANDOVER
from app.infra import clock
from app.infra.typed import read_money, write_money
from app.models.need_parts import CLOCK_BOUNDS, ContactKind, HandoverKind
from app.models.needs import Audience, Need, NeedFields, NeedKind, SkillWeight
from app.pages import rendering
from app.pages.catalogue import skill_groups_with
from app.pages.dependencies import Visit
from app.pages.failures import choices
from app.pages.figures import currency_choices
from app.pages.forms import Form, Problem

PLAIN = (
    "title", "body", "language", "kind", "stream", "places", "urgency", "region", "audience",
)  # fmt: skip
AUDIENCES = ("public", "peers", "instance")
POSTING_STATES = frozenset({"accepted", "proposed"})
# The clocks that a need may set for itself, in days.
CLOCKS = tuple(CLOCK_BOUNDS)
CONTACT_ROWS = 2
CONTACTS_MAX = 5
# Languages that needs are often written in, as in the workspace; any other one stays possible.
WRITTEN = (
    "en", "el", "ca", "nl", "es", "ar", "de", "eu", "fa", "fr", "gl", "it", "ku", "oc", "pl", "pt",
    "ro", "ru", "sq", "tr", "uk",
)  # fmt: skip
CURRENCIES = (
    "EUR", "ALL", "BGN", "CHF", "CZK", "DKK", "GBP", "HUF", "MAD", "NOK", "PLN", "RON", "SEK",
    "TRY", "UAH", "USD",
)  # fmt: skip
HARM_QUESTIONS = ("data", "misuse", "avoidable")
MINUTES_PER_HOUR = 60
# Where a day ends last on Earth.
LAST_ZONE = "Etc/GMT+12"


def fields_of(form: Form, language: str, need: Need | None = None) -> NeedFields:
    """Read the form as a need; raises ValidationError with what is missing.

    What the form does not ask for stays as the need has it.
    """
    must = form.values("must")
    values: dict[str, Any] = {name: form.value(name) for name in PLAIN if form.value(name)}
    values |= {
        "title": form.value("title"),
        "skills": [{"slug": s, "weight": _weight(s, must)} for s in form.values("skills")],
        "skills_unknown": "yes" in form.values("skills_unknown"),
        "tags": [tag.strip() for tag in form.value("tags").split(",") if tag.strip()],
        "estimate_minutes": hours_as_minutes(form.value("hours")),
        "deadline": form.value("deadline") or None,
        "remote": "yes" in form.values("remote"),
        "instant": "yes" in form.values("instant"),
        "link": form.value("link") or None,
        "harm_check": _harm_check(form),
        "starts_on": form.value("starts_on") or None,
        "time_zone": form.value("time_zone") or None,
        "beneficiary": form.value("beneficiary") or None,
        "amount": _amount(form, language),
        "contacts": _contacts(form),
        "contact_public": "yes" in form.values("contact_public"),
        "priority_days": form.value("priority_days") or None,
        "recurs_months": form.value("recurs_months") or None,
        "handover": _handover(form, need),
        "clocks": {name: form.value(name).strip() for name in CLOCKS if form.value(name).strip()},
    }
    if need is not None:
        values |= {
            "external_id": need.external_id,
            "audience_peers": [UUID(peer) for peer in need.audience_peers],
        }
    return NeedFields.model_validate(values)


def _weight(slug: str, must: Sequence[str]) -> SkillWeight:
    return SkillWeight.MUST if slug in must else SkillWeight.NICE


def form_of(need: Need, language: str) -> Form:
    """Return the form filled in with what a need says."""
    single = {
        **{name: str(getattr(need, name)) for name in PLAIN},
        "organisation_id": str(need.organisation_id),
        "version": str(need.version),
        "hours": _hours(need.estimate_minutes),
        "tags": ", ".join(need.tags),
        "deadline": need.deadline.isoformat() if need.deadline else "",
        "link": need.link or "",
        **{f"harm_{name}": (need.harm_check or {}).get(name, "") for name in HARM_QUESTIONS},
        **{name: "yes" for name in ("remote", "instant", "skills_unknown") if getattr(need, name)},
    }
    single |= {
        name: str(getattr(need, name) or "")
        for name in ("starts_on", "time_zone", "beneficiary", "priority_days", "recurs_months")
    }
    single |= {"contact_public": "yes" if need.contact_public else ""}
    single |= {name: str(days) for name, days in need.clocks.items() if name in CLOCKS and days}
    single |= {f"handover_{item['kind']}": item["text"] for item in need.handover}
    if need.amount_minor is not None and need.currency is not None:
        amount = write_money(language, need.amount_minor, need.currency)
        single |= {"amount": amount, "currency": need.currency}
    sent = {name: [value] for name, value in single.items() if value}
    several = {
        "skills": list(need.skill_slugs),
        "must": list(need.must_slugs),
        "contact_kind": [contact["kind"] for contact in need.contacts],
        "contact_value": [contact["value"] for contact in need.contacts],
    }
    return Form({**sent, **several})


def _amount(form: Form, language: str) -> dict[str, Any] | None:
    """Read money as people write it; what is no number is left for the model to refuse."""
    said, currency = form.value("amount").strip(), form.value("currency") or CURRENCIES[0]
    if not said:
        return None
    minor = read_money(language, said, currency)
    return {"minor": said if minor is None else minor, "currency": currency}


def _contacts(form: Form) -> list[dict[str, str]]:
    rows = zip(form.values("contact_kind"), form.values("contact_value"), strict=False)
    return [{"kind": kind, "value": value} for kind, value in rows if value.strip()]


def _handover(form: Form, need: Need | None) -> list[dict[str, Any]]:
    """Read the checklist; what is ticked stays ticked while its line stands there."""
    done = {item["kind"] for item in need.handover if item["done"]} if need else set()
    lines = ((kind, form.value(f"handover_{kind}").strip()) for kind in HandoverKind)
    return [
        {"kind": kind.value, "text": text, "done": kind in done}
        for kind, text in lines
        if text or kind in done
    ]


def _hours(minutes: int | None) -> str:
    if minutes is None:
        return ""
    # Not a round part of an hour: as many figures as bring the same minutes back.
    return f"{Decimal(minutes) / MINUTES_PER_HOUR:.4f}".rstrip("0").rstrip(".")


def hours_as_minutes(hours: str) -> int | str | None:
    """Read hours with a point or a comma; what is no number is left for the model to refuse."""
    if not hours.strip():
        return None
    try:
        minutes = Decimal(hours.strip().replace(",", ".")) * MINUTES_PER_HOUR
        return round(minutes) if minutes.is_finite() else hours
    except InvalidOperation:
        return hours


def _harm_check(form: Form) -> dict[str, str] | None:
    answers = {name: form.value(f"harm_{name}") for name in HARM_QUESTIONS}
    return answers if any(answers.values()) else None


async def render_form(
    visit: Visit, form: Form, *, need: Need | None = None, status: int = 200
) -> Response:
    """Answer with the form: an empty one, a refused one, or that of a need."""
    values = _options(visit, form, need)
    return await rendering.render(
        visit.page, "need_form.html", status=status, form=_with_harm_marks(form), **values
    )


def _options(visit: Visit, form: Form, need: Need | None) -> Mapping[str, Any]:
    language = visit.language
    audiences = (*AUDIENCES, *([Audience.NAMED_PEERS.value] if _named_peers(need) else ()))
    return {
        "action": f"/needs/{need.id}/edit" if need else "/needs/new",
        "need_id": need.id if need else None,
        "organisations": _organisations(visit, need),
        # The browser refuses an earlier one; a day that is over may stay where a need has it.
        "first_day": {} if need else {"min": clock.today(LAST_ZONE).isoformat()},
        "languages": languages_offered(language, form.value("language")),
        "currencies": currency_choices(visit.language, CURRENCIES),
        "contact_kinds": choices(language, "need.contact", [kind.value for kind in ContactKind]),
        "contact_rows": _contact_rows(form),
        "clocks_open": any(form.value(name) or form.fault(name) for name in CLOCKS),
        "clocks": [(name, *bounds, USUAL[name]) for name, bounds in CLOCK_BOUNDS.items()],
        "handover_kinds": [kind.value for kind in (*HANDOVER, HandoverKind.OTHER)],
        "skill_groups": skill_groups_with(language, form.values("skills")),
        "kinds": choices(language, "need.kind", [kind.value for kind in NeedKind]),
        "streams": choices(language, "need.stream", ("gift", "stipend", "paid")),
        "audiences": choices(language, "need.audience", audiences),
        "urgencies": choices(language, "need.urgency", ("low", "normal", "high")),
    }


def languages_offered(reader: str, own: str) -> list[tuple[str, str]]:
    """Return the languages of the workspace's form too, by their own names where we know them."""
    codes = dict.fromkeys([*WRITTEN, own])
    return [(code, language_label(reader, code)) for code in codes if code]


def language_label(reader: str, code: str) -> str:
    """Return a language's own name where our pages have it, else the reader's word for it."""
    known = rendering.language_name(code)
    if known != code:
        return known
    try:
        name = Locale.parse(code, sep="-").get_display_name(reader)
    except (UnknownLocaleError, ValueError):
        return code
    return name or code


def _contact_rows(form: Form) -> list[tuple[str, str]]:
    sent = [(contact["kind"], contact["value"]) for contact in _contacts(form)]
    more = max(CONTACT_ROWS - len(sent), 1)
    return [*sent, *[(ContactKind.EMAIL.value, "")] * more][:CONTACTS_MAX]


def _named_peers(need: Need | None) -> bool:
    return need is not None and need.audience is Audience.NAMED_PEERS


def _organisations(visit: Visit, need: Need | None) -> list[tuple[str, str]]:
    if need is not None:
        return [(str(need.organisation_id), need.organisation_name)]
    places = visit.page.viewer.places if visit.page.viewer else ()
    return [(str(place.id), place.name) for place in places if place.state in POSTING_STATES]


def _with_harm_marks(form: Form) -> Form:
    """The three questions are one thing to the domain; its fault is shown above them."""
    found = [Problem("skills_unknown", p.text) if p.field == "skills" else p for p in form.problems]
    return replace(form, problems=found)
