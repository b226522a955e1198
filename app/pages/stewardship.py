"""The stewards' desk: what was asked and waits, oldest first, and what becomes of it."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.access import Actor
from app.domain.asks import queries, review, rules
from app.domain.asks.review import Publication
from app.domain.identity import queries as identity
from app.domain.organisations import queries as organisations
from app.domain.organisations.queries import Wanted
from app.errors import AppError, InvalidError, NotFoundError
from app.infra import clock
from app.infra.i18n import LANGUAGES
from app.infra.text import fold
from app.models.asks import Ask, AskState
from app.models.needs import NeedKind
from app.pages.catalogue import skill_groups_with
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import choices, invalid, refused
from app.pages.forms import Form
from app.pages.need_form import fields_of
from app.pages.rendering import language_name, render
from app.pages.views import Paging

router = APIRouter(route_class=PageRoute)
PER_PAGE = 30
ORGANISATIONS_SHOWN = 100
REVIEWS_SHOWN = 30
NEW = "new"


@router.get("/stewardship/asks")
async def list_asks(request: Request, db: Db, visit: SignedIn) -> Response:
    """Show what waits for a steward."""
    cursor = request.query_params.get("cursor")
    page = await queries.list_asks(db, visit.actor, None, PER_PAGE, cursor)
    published = await queries.list_asks(db, visit.actor, AskState.PUBLISHED, PER_PAGE, None)
    here = "/stewardship/asks"
    return await render(
        visit.page,
        "asks.html",
        asks=[(ask, _days(ask)) for ask in page.items],
        published=published.items,
        reviews=await queries.needs_in_review(db, REVIEWS_SHOWN),
        paging=Paging(
            f"{here}?cursor={page.next_cursor}" if page.next_cursor else None,
            here if cursor else None,
        ),
    )


def _days(ask: Ask) -> int:
    return (clock.now() - (ask.waiting_since or clock.now())).days


@router.get("/stewardship/asks/{ask_id:uuid}")
async def show_ask(ask_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show one ask with everything a steward can do with it."""
    return await _render(db, visit, ask_id, Form())


async def _render(db: Db, visit: Visit, ask_id: UUID, form: Form, status: int = 200) -> Response:
    ask = await queries.get_ask_for(db, visit.actor, ask_id)
    filled = _prefilled(ask, form)
    history = await queries.history_of(db, ask.id)
    names = await identity.accounts_by_id(db, [h.account_id for h in history if h.account_id])
    here = await organisations.list_organisations(
        db, visit.actor, Wanted(), ORGANISATIONS_SHOWN, None
    )
    same = [
        view.organisation.name
        for view in here.items
        if fold(view.organisation.name) == fold(ask.organisation_name)
    ]
    waiting = await queries.list_asks(db, visit.actor, None, PER_PAGE, None)
    return await render(
        visit.page,
        "ask_review.html",
        status=status,
        ask=ask,
        days=_days(ask),
        form=filled,
        here=f"/stewardship/asks/{ask.id}",
        found=[(name, item.kind.value, item.text) for name, item in rules.secrets_in(ask)],
        history=[(h, names[h.account_id].handle if h.account_id in names else "") for h in history],
        needs=await queries.needs_of(db, ask.id),
        moves=rules.TRANSITIONS[ask.state],
        same_name=bool(same),
        organisations=[(str(v.organisation.id), v.organisation.name) for v in here.items],
        others=[(str(a.id), f"{a.organisation_name}: {rules.title_of(a.stuck)}")
                for a in waiting.items if a.id != ask.id],
        kinds=choices(visit.language, "need.kind", [kind.value for kind in NeedKind]),
        urgencies=choices(visit.language, "need.urgency", ("low", "normal", "high")),
        languages=[(code, language_name(code)) for code in LANGUAGES],
        skill_groups=skill_groups_with(visit.language, filled.values("skills")),
    )  # fmt: skip


def _prefilled(ask: Ask, form: Form) -> Form:
    """Fill in what the text itself says, where nothing was written yet."""
    suggested = rules.suggested_skills(ask.stuck)
    body = f"{ask.stuck}\n\n{ask.size}".strip()
    kind = rules.KIND_OF_START.get(ask.start.value if ask.start else "", NeedKind.LABOUR)
    filled = form.with_values(
        version=str(ask.version),
        title=rules.title_of(ask.stuck),
        body=body,
        language=ask.language,
        kind=kind.value,
        urgency="normal",
        places="1",
        organisation_id=str(ask.organisation_id or NEW),
        skills_unknown="" if suggested or "title" in form.sent else "yes",
    )
    if "title" not in form.sent:
        return Form({**filled.sent, "skills": suggested}, filled.problems)
    return filled


class Sitting(NamedTuple):
    """A steward's form about one ask."""

    db: Db
    actor: Actor
    ask_id: UUID
    form: Form
    origin: str
    language: str

    @property
    def version(self) -> int:
        """The version of the ask that the form was made of."""
        value = self.form.value("version")
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            raise InvalidError("form_unreadable")
        return int(value)

    def id_of(self, name: str) -> UUID:
        """Read an id that was chosen from a list."""
        try:
            return UUID(self.form.value(name))
        except ValueError:
            raise InvalidError("form_unreadable") from None


async def _question(s: Sitting) -> None:
    await review.ask_back(s.db, s.actor, s.ask_id, s.version, s.form.value("text"), s.origin)


async def _decline(s: Sitting) -> None:
    await review.decline_ask(s.db, s.actor, s.ask_id, s.version, s.form.value("text"), s.origin)


async def _merge(s: Sitting) -> None:
    await review.merge_ask(s.db, s.actor, s.ask_id, s.version, s.id_of("into"), s.origin)


async def _settle(s: Sitting) -> None:
    await review.settle_ask(s.db, s.actor, s.ask_id, s.version)


async def _link(s: Sitting) -> None:
    await review.send_link(s.db, s.actor, s.ask_id, s.origin)


async def _publish(s: Sitting) -> None:
    chosen = s.form.value("organisation_id")
    organisation_id = None if chosen in {"", NEW} else s.id_of("organisation_id")
    wanted = Publication([fields_of(s.form, s.language)], organisation_id)
    await review.publish_ask(s.db, s.actor, s.ask_id, s.version, wanted, s.origin)


DEEDS: dict[str, Callable[[Sitting], Awaitable[None]]] = {
    "question": _question,
    "decline": _decline,
    "merge": _merge,
    "settle": _settle,
    "link": _link,
    "publish": _publish,
}


@router.post("/stewardship/asks/{ask_id:uuid}/{deed}")
async def do(ask_id: UUID, deed: str, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Do one of the things that stewards do."""
    act = DEEDS.get(deed)
    if act is None:
        raise NotFoundError("page_not_found")
    shown: dict[str, Any] = {}
    try:
        async with db.begin_nested():
            await act(Sitting(db, visit.actor, ask_id, form, visit.page.origin, visit.language))
    except ValidationError as error:
        shown = {"form": invalid(form, visit.language, error), "status": 422}
    except AppError as error:
        if error.status in {401, 403, 404}:
            raise
        shown = {"form": refused(form, visit.language, error), "status": error.status}
    if shown:
        return await _render(db, visit, ask_id, **shown)
    if deed in {"publish", "question", "settle", "link"}:
        return go(f"/stewardship/asks/{ask_id}", "changed")
    return go("/stewardship/asks", "changed")
