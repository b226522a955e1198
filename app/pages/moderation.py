"""Reporting, the stewards' desk of reports, held needs and restricted accounts."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import RedirectResponse, Response

from app.domain.asks import rules as asks
from app.domain.asks.actions import day_key
from app.domain.identity import queries as identity
from app.domain.moderation import actions, holds, queries
from app.domain.moderation.actions import Verdict
from app.domain.moderation.queries import Subject
from app.domain.moderation.rules import BY_STRANGERS, possible_deeds, restriction_of
from app.domain.needs.queries import get_need_for
from app.errors import AppError, InvalidError, NotFoundError
from app.infra import clock
from app.infra.i18n import translate
from app.models.moderation import (
    Report,
    ReportAbout,
    ReportDeed,
    ReportFields,
    ReportKind,
    ReportState,
    Said,
)
from app.models.needs import Hold
from app.pages.asks import TRAP, network_of
from app.pages.dependencies import Configuration, Db, PageRoute, Reader, Sent, SignedIn, Visit, go
from app.pages.failures import choices, invalid, refused
from app.pages.forms import Form, Problem
from app.pages.need_page import render_need
from app.pages.rendering import render
from app.pages.views import Paging

router = APIRouter(route_class=PageRoute)
DESK = "/stewardship/reports"
PER_PAGE = 20
HOLDS_SHOWN = 50
ACCOUNTS_SHOWN = 100
SENTENCE_MAX = 160
_said: TypeAdapter[str] = TypeAdapter(Said)


def place_of(about: ReportAbout, subject_id: UUID, place_id: UUID | None) -> str:
    """Return the page on which something that can be reported is shown."""
    pages = {
        ReportAbout.NEED: f"/needs/{subject_id}",
        ReportAbout.ORGANISATION: f"/organisations/{subject_id}",
        ReportAbout.QUESTION: f"/needs/{place_id}#question-{subject_id}",
        ReportAbout.MESSAGE: f"/claims/{place_id}/messages",
        ReportAbout.WORKER: f"/claims/{place_id}",
    }
    return pages[about]


@router.get("/report")
async def ask_what(request: Request, db: Db, visit: Reader) -> Response:
    """Ask what is the matter with something the reader can see."""
    query = request.query_params
    form = Form().with_values(about=query.get("about", ""), id=query.get("id", ""))
    return await _render_form(db, visit, form)


async def _subject(db: Db, visit: Visit, form: Form) -> Subject:
    try:
        about, subject_id = ReportAbout(form.value("about")), UUID(form.value("id"))
    except ValueError:
        raise NotFoundError("report_not_found") from None
    if about not in BY_STRANGERS:
        visit.actor.signed_in()
    return await queries.find_subject(db, visit.actor, about, subject_id)


async def _render_form(db: Db, visit: Visit, form: Form, status: int = 200) -> Response:
    subject = await _subject(db, visit, form)
    stranger = visit.page.viewer is None
    stamp = form.value("stamp")
    if stranger and not await _open_long_enough(db, form):
        stamp = asks.stamp_of(await day_key(db), int(clock.now().timestamp()))
    response = await render(
        visit.page,
        "report.html",
        status=status,
        form=form,
        about=subject.about.value,
        subject=subject,
        said=_sentence(subject.said),
        back=place_of(subject.about, subject.id, subject.place_id),
        kinds=choices(visit.language, "report.kind", list(ReportKind)),
        stamp=stamp if stranger else "",
        trap=TRAP if stranger else "",
    )
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _sentence(said: str) -> str:
    first = said.strip().partition("\n")[0]
    return first if len(first) <= SENTENCE_MAX else first[:SENTENCE_MAX].rsplit(" ", 1)[0] + "…"


async def _open_long_enough(db: Db, form: Form) -> bool:
    now = int(clock.now().timestamp())
    return asks.old_enough([await day_key(db)], form.value("stamp"), now)


@router.post("/report")
async def report(
    request: Request, db: Db, visit: Reader, form: Sent, settings: Configuration
) -> Response:
    """Bring something before the stewards; without an account, what anybody may read."""
    subject = await _subject(db, visit, form)
    if visit.page.viewer is None:
        if form.value(TRAP):
            emptied = Form({**form.sent, TRAP: [""]}, [_problem(visit, "page.asks.trap")])
            return await _render_form(db, visit, emptied, 422)
        if not await _open_long_enough(db, form):
            hasty = Form(form.sent, [_problem(visit, "page.asks.hasty")])
            return await _render_form(db, visit, hasty, 422)
    try:
        names = ("about", "id", "kind", "words")
        fields = ReportFields.model_validate({name: form.value(name) for name in names})
        async with db.begin_nested():
            if visit.page.viewer is None:
                network = network_of(request, settings)
                await actions.make_strangers_report(db, fields, network)
            else:
                await actions.make_report(db, visit.actor, fields)
    except ValidationError as error:
        return await _render_form(db, visit, invalid(form, visit.language, error), 422)
    except AppError as error:
        return await _render_form(db, visit, refused(form, visit.language, error), error.status)
    return go(place_of(subject.about, subject.id, subject.place_id), "reported")


def _problem(visit: Visit, text_id: str) -> Problem:
    return Problem(None, translate(visit.language, text_id))


@router.get("/stewardship")
async def enter_stewardship(visit: SignedIn) -> Response:
    """Lead stewards to what waits for them."""
    visit.actor.require_steward()
    return RedirectResponse(DESK, status_code=303)


@router.get(DESK)
async def show_desk(request: Request, db: Db, visit: SignedIn) -> Response:
    """Show what waits, what is held, and who is limited."""
    return await _render_desk(
        db, visit, Form(), request.query_params.get("state"), request.query_params.get("cursor")
    )


async def _render_desk(
    db: Db,
    visit: Visit,
    form: Form,
    state: str | None = None,
    cursor: str | None = None,
    status: int = 200,
) -> Response:
    settled = state == ReportState.LOOKED_AT
    wanted = ReportState.LOOKED_AT if settled else ReportState.WAITING
    page = await queries.list_reports(db, visit.actor, wanted, PER_PAGE, cursor)
    histories = await queries.histories_of(db, [each.id for each in page.items])
    first = f"{DESK}?state=looked_at" if settled else DESK
    joint = "&" if settled else "?"
    return await render(
        visit.page,
        "reports.html",
        status=status,
        form=form,
        settled=settled,
        reports=[(each, _sentence(each.said), histories.get(each.id, [])) for each in page.items],
        counts=await queries.count_waiting(db, visit.actor),
        holds=(await queries.list_holds(db, visit.actor, HOLDS_SHOWN, None)).items,
        accounts=[
            (account, restriction_of(account))
            for account in (
                await queries.list_restricted(db, visit.actor, ACCOUNTS_SHOWN, None)
            ).items
        ],
        restrictions=[
            (deed, translate(visit.language, f"account.restrict.{deed}"))
            for deed in ("limited", "blocked")
        ],
        paging=Paging(
            f"{first}{joint}cursor={page.next_cursor}" if page.next_cursor else None,
            first if cursor else None,
        ),
    )


@router.get(DESK + "/{report_id:uuid}")
async def show_report(report_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show one report in its context, with what can be decided."""
    return await _render_report(db, visit, report_id, Form())


async def _render_report(
    db: Db, visit: Visit, report_id: UUID, form: Form, status: int = 200
) -> Response:
    found = await queries.get_report_for(db, visit.actor, report_id)
    others = await queries.others_about(db, found)
    same = [each for each in others if _waits_too(each, found)]
    histories = await queries.histories_of(db, [found.id, *(each.id for each in others)])
    rows = [row for each in histories.values() for row in each]
    named = {found.reporter_id, found.account_id, *(row.account_id for row in rows)} | {
        each.reporter_id for each in others
    }
    people = await identity.accounts_by_id(db, [each for each in named if each])
    waits = found.state is ReportState.WAITING
    return await render(
        visit.page,
        "report_review.html",
        status=status,
        form=form.with_values(deed=ReportDeed.LET_BE.value),
        report=found,
        here=f"{DESK}/{found.id}",
        shown_at=place_of(found.about, found.subject_id, found.place_id),
        # Threads stay closed to stewards: what was reported of one stands here.
        opens=found.about is not ReportAbout.MESSAGE,
        handles={account_id: account.handle for account_id, account in people.items()},
        histories=histories,
        same=same,
        others=[each for each in others if each not in same],
        deeds=choices(visit.language, "report.deed", possible_deeds(found)) if waits else [],
    )


def _waits_too(other: Report, found: Report) -> bool:
    same = (other.about, other.subject_id) == (found.about, found.subject_id)
    return other.state is ReportState.WAITING and same


@router.post(DESK + "/{report_id:uuid}")
async def decide(report_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Decide on a report, and settle those that say the same."""
    visit.actor.require_steward()
    try:
        verdict = Verdict(
            _deed(form.value("deed")),
            form.value("reason")[:2000],
            [_id(value) for value in form.values("also")],
        )
        async with db.begin_nested():
            await actions.decide(db, visit.actor, report_id, verdict, _version(form))
    except AppError as error:
        if error.status == NotFoundError.status and error.code == "report_not_found":
            raise
        shown = refused(form, visit.language, error)
        return await _render_report(db, visit, report_id, shown, error.status)
    return go(DESK, "decided")


def _deed(value: str) -> ReportDeed:
    try:
        return ReportDeed(value)
    except ValueError:
        raise InvalidError("form_unreadable") from None


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise InvalidError("form_unreadable") from None


def _version(form: Form) -> int:
    value = form.value("version")
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidError("form_unreadable")
    return int(value)


@router.post("/needs/{need_id:uuid}/hold")
async def hold_need(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Hold a need from its own page."""
    visit.actor.require_steward()
    try:
        async with db.begin_nested():
            await holds.hold_need(db, visit.actor, need_id, form.value("reason")[:2000])
    except AppError as error:
        need = await get_need_for(db, visit.actor, need_id)
        return await render_need(
            db, visit, need, refused(form, visit.language, error), error.status
        )
    return go(f"/needs/{need_id}", "changed")


@router.post("/holds/{hold_id:uuid}/appeal")
async def appeal(hold_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Answer a hold for the need's organisation."""
    _, need = await queries.get_hold_for(db, visit.actor, hold_id)
    need_id = need.id
    try:
        words = _said.validate_python(form.value("words").strip())
        async with db.begin_nested():
            await holds.appeal(db, visit.actor, hold_id, words)
    except ValidationError:
        fault = Problem("words", translate(visit.language, "error.field.missing"))
        again = await get_need_for(db, visit.actor, need_id)
        return await render_need(db, visit, again, Form(form.sent, [fault]), 422)
    except AppError as error:
        again = await get_need_for(db, visit.actor, need_id)
        shown = refused(form, visit.language, error)
        return await render_need(db, visit, again, shown, error.status)
    return go(f"/needs/{need_id}", "appealed")


ENDINGS: dict[str, Callable[..., Awaitable[Hold]]] = {
    "release": holds.release_need,
    "withdraw": holds.take_down,
}


@router.post("/holds/{hold_id:uuid}/end")
async def end_hold(hold_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Let a held need go back where it was, or take it down."""
    visit.actor.require_steward()
    try:
        ending = ENDINGS.get(form.value("act"))
        if ending is None:
            raise InvalidError("form_unreadable")
        async with db.begin_nested():
            reason = form.value("reason")[:2000].strip()
            await ending(db, visit.actor, hold_id, reason, _version(form))
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_desk(db, visit, shown, status=error.status)
    return go(f"{DESK}#holds", "changed")


@router.post("/stewardship/accounts")
async def restrict(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Limit or block an account that is named by its handle, or let it be again."""
    visit.actor.require_steward()
    to = form.value("to")
    values: dict[str, Any] = {}
    try:
        if to not in {"active", "limited", "blocked"}:
            raise InvalidError("form_unreadable")
        handle = form.value("handle").strip().removeprefix("@")
        account = await identity.account_by_handle(db, handle)
        if account is None:
            raise NotFoundError("account_not_found")
        async with db.begin_nested():
            await actions.restrict(db, visit.actor, account.id, to, form.value("reason")[:2000])
    except AppError as error:
        values = {"form": refused(form, visit.language, error), "status": error.status}
    if values:
        return await _render_desk(db, visit, **values)
    return go(f"{DESK}#accounts", "changed")
