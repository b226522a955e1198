"""The form of a need: from its fields to the domain, and from a need to its fields."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from starlette.responses import Response

from app.models.needs import Audience, Need, NeedFields, NeedKind, SkillWeight
from app.pages import rendering
from app.pages.catalogue import skill_groups_with
from app.pages.dependencies import Visit
from app.pages.failures import choices
from app.pages.forms import Form, Problem

PLAIN = (
    "title", "body", "language", "kind", "stream", "places", "urgency", "region", "audience",
)  # fmt: skip
AUDIENCES = ("public", "peers", "instance")
POSTING_STATES = frozenset({"accepted", "proposed"})
HARM_QUESTIONS = ("data", "misuse", "avoidable")
MINUTES_PER_HOUR = 60


def fields_of(form: Form, need: Need | None = None) -> NeedFields:
    """Read the form as a need; raises ValidationError with what is missing.

    What the form does not ask for stays as the need has it.
    """
    must = need.must_slugs if need else ()
    values: dict[str, Any] = {name: form.value(name) for name in PLAIN if form.value(name)}
    values |= {
        "title": form.value("title"),
        "skills": [{"slug": s, "weight": _weight(s, must)} for s in form.values("skills")],
        "skills_unknown": "yes" in form.values("skills_unknown"),
        "tags": [tag.strip() for tag in form.value("tags").split(",") if tag.strip()],
        "estimate_minutes": _minutes(form.value("hours")),
        "deadline": form.value("deadline") or None,
        "remote": "yes" in form.values("remote"),
        "instant": "yes" in form.values("instant"),
        "link": form.value("link") or None,
        "harm_check": _harm_check(form),
    }
    if need is not None:
        values |= {
            "external_id": need.external_id,
            "beneficiary": need.beneficiary,
            "audience_peers": [UUID(peer) for peer in need.audience_peers],
        }
    return NeedFields.model_validate(values)


def _weight(slug: str, must: Sequence[str]) -> SkillWeight:
    return SkillWeight.MUST if slug in must else SkillWeight.NICE


def form_of(need: Need) -> Form:
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
    sent = {name: [value] for name, value in single.items() if value}
    return Form({**sent, "skills": list(need.skill_slugs)})


def _hours(minutes: int | None) -> str:
    if minutes is None:
        return ""
    # Not a round part of an hour: as many figures as bring the same minutes back.
    return f"{Decimal(minutes) / MINUTES_PER_HOUR:.4f}".rstrip("0").rstrip(".")


def _minutes(hours: str) -> int | str | None:
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
        "languages": [(code, rendering.language_name(code)) for code in visit.page.languages],
        "skill_groups": skill_groups_with(language, form.values("skills")),
        "kinds": choices(language, "need.kind", [kind.value for kind in NeedKind]),
        "streams": choices(language, "need.stream", ("gift", "stipend", "paid")),
        "audiences": choices(language, "need.audience", audiences),
        "urgencies": choices(language, "need.urgency", ("low", "normal", "high")),
    }


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
    return Form(form.sent, found)
