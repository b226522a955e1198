"""Standing as pages: who is what, what is asked before one may ask, and asking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.governance import admission, exits, queries, standing, statuses
from app.domain.governance.rules import Criterion, Met
from app.domain.governance.standing import StandingView
from app.domain.policies.queries import policy_on
from app.errors import AppError, InvalidError
from app.infra import clock
from app.infra.i18n import format_minutes, format_number, translate
from app.models.governance import DecisionSubject
from app.models.ledger import BookStatusKind
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.governance import voting_days
from app.pages.rendering import render

BOOK = "/books/{book_id:uuid}"
STANDING = f"{BOOK}/standing"
PERSON = f"{STANDING}/{{account_id:uuid}}"
WORDS_MAX = 4000
NAME_MAX = 60

router = APIRouter(route_class=PageRoute)


@dataclass(frozen=True)
class AskedRow:
    """One thing that is asked, in words: how much of it, how much there is, what is missing."""

    label: str
    wanted: str
    had: str
    missing: str


@router.get(STANDING)
async def show_own_standing(
    book_id: UUID, db: Db, visit: SignedIn, on: str | None = None
) -> Response:
    """Show what one has oneself of what is asked."""
    return await _render(db, visit, (book_id, visit.actor.signed_in()), Form(), on=on)


@router.get(PERSON)
async def show_standing(
    book_id: UUID, account_id: UUID, db: Db, visit: SignedIn, on: str | None = None
) -> Response:
    """Show what somebody has of what is asked, to themselves and to those who look after it."""
    return await _render(db, visit, (book_id, account_id), Form(), on=on)


@router.post(f"{STANDING}/ask")
async def ask(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Ask to become a worker-owner."""
    try:
        async with db.begin_nested():
            words = form.value("words")[:WORDS_MAX]
            await admission.ask_admission(db, visit.actor, book_id, words)
    except AppError as error:
        return await _again(db, visit, (book_id, visit.actor.signed_in()), form, error)
    return go(f"/books/{book_id}/standing", "moved")


@router.post(f"{STANDING}/ask/withdraw")
async def take_ask_back(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Take back that one asked."""
    try:
        async with db.begin_nested():
            await admission.take_ask_back(db, visit.actor, book_id)
    except AppError as error:
        return await _again(db, visit, (book_id, visit.actor.signed_in()), form, error)
    return go(f"/books/{book_id}/standing", "moved")


@router.post(f"{PERSON}/trainings")
async def record_training(
    book_id: UUID, account_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Write down that somebody else did a training."""
    try:
        async with db.begin_nested():
            name = " ".join(form.value("name").split())
            if not 0 < len(name) <= NAME_MAX:
                raise InvalidError("form_unreadable")
            day = day_of(form, "done_on")
            await admission.record_training(db, visit.actor, book_id, account_id, name=name, on=day)
    except AppError as error:
        return await _again(db, visit, (book_id, account_id), form, error)
    return go(f"/books/{book_id}/standing/{account_id}", "changed")


@router.post(f"{PERSON}/trainings/{{training_id:uuid}}/withdraw")
async def take_training_back(
    book_id: UUID, account_id: UUID, training_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Say that a training was written down by mistake."""
    try:
        async with db.begin_nested():
            await admission.take_training_back(db, visit.actor, book_id, account_id, training_id)
    except AppError as error:
        return await _again(db, visit, (book_id, account_id), form, error)
    return go(f"/books/{book_id}/standing/{account_id}", "changed")


@router.get(f"{BOOK}/people")
async def show_people(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show who is what in a co-operative, and who left."""
    return await _render_people(db, visit, book_id, Form())


@router.post(f"{BOOK}/founders")
async def name_founders(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Name the first worker-owners, once."""
    try:
        async with db.begin_nested():
            try:
                chosen = [UUID(one) for one in form.values("account_ids")[:200]]
            except ValueError:
                raise InvalidError("form_unreadable") from None
            if not chosen:
                raise InvalidError("form_unreadable")
            since = day_of(form, "since")
            await statuses.name_founders(db, visit.actor, book_id, chosen, since)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_people(db, visit, book_id, shown, error.status)
    return go(f"/books/{book_id}/people", "changed")


@router.post(f"{BOOK}/probations")
async def begin_probation(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Write down since when a member works towards becoming a worker-owner."""
    try:
        async with db.begin_nested():
            since, handle = day_of(form, "since"), form.value("handle")[:64]
            await statuses.begin_probation(db, visit.actor, book_id, handle, since)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_people(db, visit, book_id, shown, error.status)
    return go(f"/books/{book_id}/people", "changed")


def day_of(form: Form, name: str) -> date:
    """Return a day that a form of ours carries."""
    try:
        return date.fromisoformat(form.value(name))
    except ValueError:
        raise InvalidError("form_unreadable") from None


async def _again(
    db: Db, visit: Visit, whose: tuple[UUID, UUID], form: Form, error: AppError
) -> Response:
    shown = refused(form, visit.language, error)
    return await _render(db, visit, whose, shown, status=error.status)


async def _render(
    db: Db,
    visit: Visit,
    whose: tuple[UUID, UUID],
    form: Form,
    *,
    on: str | None = None,
    status: int = 200,
) -> Response:
    book_id, account_id = whose
    today = clock.today()
    try:
        day = date.fromisoformat(on) if on else today
    except ValueError:
        day = today
    place = await queries.get_place(db, visit.actor, book_id)
    view = await standing.standing_for(db, visit.actor, book_id, account_id, day)
    asked = (await queries.policy_of(db, book_id, day)).admission
    pending = None
    if view.ask is not None and place.lead:
        about = DecisionSubject.ADMISSION, view.ask.id
        pending = await queries.undecided_about(db, *about)
    return await render(
        visit.page,
        "standing.html",
        status=status,
        book=place.book,
        place=place,
        view=view,
        own=account_id == place.account_id,
        today=today,
        rows=rows_of(visit.language, view, asked.recent_months),
        ruled=await policy_on(db, book_id, day) is not None,
        trainings=[name for name in asked.trainings if name not in view.standing.trainings],
        pending=pending,
        days=voting_days(),
        form=form.with_values(done_on=today.isoformat()),
    )


def rows_of(language: str, view: StandingView, recent: int) -> Sequence[AskedRow]:
    """Write out what is asked, what there is, and what is missing."""
    return [_row(language, one, recent) for one in view.criteria]


def _row(language: str, one: Met, recent: int) -> AskedRow:
    label = translate(
        language,
        f"standing.criterion.{one.criterion}",
        name=one.name,
        months=format_number(language, recent),
    )
    if one.criterion == Criterion.TRAINING:
        done = translate(language, "standing.done" if one.met else "standing.not_done")
        missing = "" if one.met else translate(language, "standing.not_done")
        return AskedRow(label, translate(language, "standing.done"), done, missing)
    shown = format_number if one.criterion == Criterion.MONTHS else format_minutes
    missing = "" if one.met else shown(language, one.wanted - one.had)
    return AskedRow(label, shown(language, one.wanted), shown(language, one.had), missing)


async def _render_people(
    db: Db, visit: Visit, book_id: UUID, form: Form, status: int = 200
) -> Response:
    place = await queries.get_place(db, visit.actor, book_id)
    people = await queries.people_of(db, visit.actor, book_id)
    owner = BookStatusKind.WORKER_OWNER
    named = any(row.status == owner for person in people for row in person.history)
    return await render(
        visit.page,
        "book_people.html",
        status=status,
        book=place.book,
        place=place,
        people=people,
        named=named,
        candidates=await queries.candidates(db, place.book) if place.lead else [],
        exits=await exits.exits_of(db, visit.actor, book_id),
        today=clock.today(),
        earliest=await statuses.earliest_beginning(db, place.book),
        form=form.with_values(since=clock.today().isoformat()),
    )
