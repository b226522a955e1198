"""Disputes about entries as pages: what is disputed and why, and what the reader can do now."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.disputes import actions, judging, queries, rules
from app.domain.disputes.queries import Case
from app.domain.disputes.showing import may_do, missing_seats, shown_seats
from app.domain.governance import queries as governance
from app.domain.ledger.keeping import same_person
from app.domain.ledger.queries import get_book_for
from app.errors import AppError, InvalidError
from app.models.disputes import DisputeState
from app.models.governance import DecisionSubject
from app.pages.claim_cards import minutes_of
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.governance import voting_days
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)

WORDS_MAX = 2000
PER_PAGE = 20


@router.get("/entries/{entry_id:uuid}/dispute")
async def show_new_dispute(entry_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show what disputing an entry means, and ask for the reason."""
    return await _render_new(db, visit, entry_id, Form())


@router.post("/entries/{entry_id:uuid}/dispute")
async def open_dispute(entry_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Dispute an entry."""
    try:
        async with db.begin_nested():
            dispute = await actions.open_dispute(db, visit.actor, entry_id, _words(form))
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_new(db, visit, entry_id, shown, error.status)
    return go(f"/disputes/{dispute.id}", "moved")


@router.get("/books/{book_id:uuid}/disputes")
async def show_disputes(
    book_id: UUID, db: Db, visit: SignedIn, cursor: str | None = None
) -> Response:
    """List a book's disputes, newest first."""
    book = await get_book_for(db, visit.actor, book_id)
    page = await queries.disputes_of_book(db, visit.actor, book, PER_PAGE, cursor)
    rows = [(case, await queries.names_of(db, visit.actor, case)) for case in page.items]
    return await render(
        visit.page, "disputes.html", book_id=book_id, rows=rows, next_cursor=page.next_cursor
    )


@router.get("/disputes/{dispute_id:uuid}")
async def show_dispute(dispute_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show a dispute to its sides, its judges and those who read the book."""
    return await _render(db, visit, dispute_id, Form())


@router.post("/disputes/{dispute_id:uuid}/offer")
async def offer(dispute_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Say what one would agree to."""
    try:
        async with db.begin_nested():
            await actions.offer(db, visit.actor, dispute_id, _minutes(form))
    except AppError as error:
        return await _again(db, visit, dispute_id, form, (error, "offer"))
    return go(f"/disputes/{dispute_id}", "moved")


@router.post("/disputes/{dispute_id:uuid}/panel")
async def ask_panel(dispute_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Have three drawn who are outside the case."""
    try:
        async with db.begin_nested():
            await actions.ask_panel(db, visit.actor, dispute_id)
    except AppError as error:
        return await _again(db, visit, dispute_id, form, (error, "panel"))
    return go(f"/disputes/{dispute_id}", "moved")


@router.post("/disputes/{dispute_id:uuid}/withdrawal")
async def withdraw(dispute_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Let the entry stand."""
    try:
        async with db.begin_nested():
            await actions.withdraw(db, visit.actor, dispute_id)
    except AppError as error:
        return await _again(db, visit, dispute_id, form, (error, "withdraw"))
    return go(f"/disputes/{dispute_id}", "moved")


@router.post("/disputes/{dispute_id:uuid}/judgement")
async def judge(dispute_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Decide as one of the panel."""
    try:
        async with db.begin_nested():
            await judging.decide(db, visit.actor, dispute_id, _minutes(form), _words(form))
    except AppError as error:
        return await _again(db, visit, dispute_id, form, (error, "judge"))
    return go(f"/disputes/{dispute_id}", "decided")


@router.post("/disputes/{dispute_id:uuid}/refusal")
async def decline(dispute_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Give one's seat up."""
    try:
        async with db.begin_nested():
            await judging.decline(db, visit.actor, dispute_id)
    except AppError as error:
        return await _again(db, visit, dispute_id, form, (error, "decline"))
    return go("/notices", "seat_declined")


@router.post("/disputes/{dispute_id:uuid}/judge")
async def name_judge(dispute_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Say whom one would let judge."""
    try:
        async with db.begin_nested():
            await judging.name_judge(db, visit.actor, dispute_id, form.value("handle")[:64])
    except AppError as error:
        return await _again(db, visit, dispute_id, form, (error, "name"))
    return go(f"/disputes/{dispute_id}", "moved")


@router.post("/disputes/{dispute_id:uuid}/reappeal")
async def reappeal(dispute_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Ask the assembly."""
    try:
        async with db.begin_nested():
            await actions.reappeal(db, visit.actor, dispute_id, _words(form))
    except AppError as error:
        return await _again(db, visit, dispute_id, form, (error, "reappeal"))
    return go(f"/disputes/{dispute_id}", "appealed")


async def disputed_at(db: Db, visit: Visit, entry_id: UUID) -> str:
    """Say where an entry is disputed, or can be; nothing where neither holds for the reader."""
    for one in await queries.disputes_of_entry(db, entry_id):
        if one.final_at is None:
            return f"/disputes/{one.id}"
    can = await queries.may_be_disputed(db, visit.actor, entry_id)
    return f"/entries/{entry_id}/dispute" if can else ""


def _words(form: Form) -> str:
    return form.value("reason").strip()[:WORDS_MAX]


def _minutes(form: Form) -> int:
    minutes = minutes_of(form)
    if not isinstance(minutes, int):
        raise InvalidError("form_unreadable")
    return minutes


async def _again(
    db: Db, visit: Visit, dispute_id: UUID, form: Form, why: tuple[AppError, str]
) -> Response:
    """Show the page anew, with what was typed in the form that was sent and in no other."""
    error, sent = why
    shown = refused(form, visit.language, error)
    return await _render(db, visit, dispute_id, shown, status=error.status, sent=sent)


async def _render_new(
    db: Db, visit: Visit, entry_id: UUID, form: Form, status: int = 200
) -> Response:
    entry, book, _ = await queries.entry_for(db, visit.actor, entry_id)
    matter = await queries.matter_of(db, entry)
    open_one = next(
        (one for one in await queries.disputes_of_entry(db, entry_id) if one.final_at is None),
        None,
    )
    return await render(
        visit.page, "dispute_new.html", status=status, form=form, entry=entry, book=book,
        matter=matter, open_one=open_one,
    )  # fmt: skip


async def _render(
    db: Db, visit: Visit, dispute_id: UUID, form: Form, *, status: int = 200, sent: str = ""
) -> Response:
    await db.flush()  # what was just said is read below
    case = await queries.get_case_for(db, visit.actor, dispute_id)
    names = await queries.names_of(db, visit.actor, case)
    return await render(
        visit.page,
        "dispute.html",
        status=status,
        form=form,
        fresh=Form(),
        forms={sent: form} if sent else {},
        sent=sent,
        case=case,
        days=voting_days(),
        **await _vote(db, visit, case),
        **_shown(visit, case, names),
    )


async def _vote(db: Db, visit: Visit, case: Case) -> dict[str, Any]:
    """Say whether the reader may put it to the vote, and which vote is under way."""
    dispute = case.dispute
    nothing: dict[str, Any] = {"pending": None, "may_propose": False}
    if dispute.state != DisputeState.ASSEMBLY:
        return nothing
    try:
        place = await governance.get_place(db, visit.actor, dispute.book_id)
    except AppError:  # a judge from outside has no part in the book
        return nothing
    pending = await governance.undecided_about(db, DecisionSubject.APPEAL, dispute.id)
    shown = pending if place.lead else None
    # Whoever is a party leaves it to another to say how much would stand (R13).
    party = await same_person(db, place.account_id, {dispute.worker_id, dispute.opened_by})
    may_propose = place.worker_owner and pending is None and not party
    return {"pending": shown, "may_propose": may_propose}


def _shown(visit: Visit, case: Case, names: dict[UUID, str]) -> dict[str, Any]:
    dispute = case.dispute
    stood = rules.as_it_stood(dispute)
    return {
        "dispute": dispute,
        "entry": case.entry,
        "names": names,
        "may": may_do(case),
        "missing": missing_seats(case),
        "seats": shown_seats(case, names),
        "stood": stood,
        "worker": names.get(dispute.worker_id, ""),
        "by": names.get(dispute.opened_by, ""),
        "is_worker": dispute.worker_id == visit.actor.account_id,
        "panel_due": rules.panel_due(dispute),
        "reappeal_until": rules.reappeal_until(dispute),
    }
