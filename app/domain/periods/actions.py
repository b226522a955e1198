"""What people do with periods: open, enter, freeze, take back, object, answer, sign."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied, enforce
from app.domain.activity.actions import record
from app.domain.ledger.booking import lock_periods
from app.domain.ledger.keeping import same_person
from app.domain.ledger.queries import get_book_for
from app.domain.ledger.statuses import status_at
from app.domain.organisations.queries import membership
from app.domain.periods import errors, queries
from app.domain.periods.checklist import checklist
from app.domain.periods.drafting import begin_hearing
from app.domain.periods.policy import may_close, may_sign
from app.domain.periods.queries import PeriodView
from app.domain.periods.rules import (
    DAYS_MAX,
    OPEN_TO_SIGN,
    SIGNERS,
    first_days,
    hears_objections,
    is_editable,
    may_reopen,
    unmet,
    waits_for_objections,
)
from app.domain.policies.errors import ownership_off
from app.domain.policies.queries import first_ruled_day, policy_on
from app.infra import clock, ids
from app.models.base import Fields, Text
from app.models.ledger import Book
from app.models.periods import (
    ObjectionState,
    Period,
    PeriodObjection,
    PeriodSignature,
    PeriodState,
)

# Ten thousand million, in minor units: far from where integers of JSON end.
MONEY_MAX = 10**12
Reason = Annotated[Text, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


class PeriodFields(Fields):
    """The days of a new period; without a first one it begins after the one before."""

    starts_on: date | None = None
    ends_on: date


class PeriodChanges(Fields):
    """What is entered before a period is frozen; what is not named stays."""

    ends_on: date | None = None
    surplus: Annotated[int, Field(ge=-MONEY_MAX, le=MONEY_MAX)] | None = None


class AnswerFields(Fields):
    """What is answered to an objection: the figures stay, or the period is taken back."""

    kept: bool
    answer: Reason


async def open_period(
    session: AsyncSession, actor: Actor, book_id: UUID, fields: PeriodFields
) -> Period:
    """Open a book's next period."""
    account_id = actor.require_session()
    book = await get_book_for(session, actor, book_id)
    if book.ownership_since is None:
        raise ownership_off()
    await lock_periods(session, book.id)
    last = await queries.last_period(session, book.id)
    first = last.ends_on + timedelta(days=1) if last else fields.starts_on
    if first is None or (fields.starts_on is not None and fields.starts_on != first):
        raise errors.days_refused("/starts_on", first or clock.today().replace(day=1))
    if last is None:
        await _check_first(session, book, first)
    _check_end(first, fields.ends_on)
    await _check_rules(session, book, first)
    period = Period(
        id=ids.public_id(),
        book_id=book.id,
        number=last.number + 1 if last else 1,
        starts_on=first,
        ends_on=fields.ends_on,
        created_by=account_id,
    )
    session.add(period)
    await session.flush()
    _record(session, actor, period, book, "period.opened")
    return period


async def _check_first(session: AsyncSession, book: Book, first: date) -> None:
    """Refuse a first day that no closing would ever reach, or whose period holds the opening.

    Periods follow each other without a gap from that day on, and nobody can move it.
    """
    opened_on = await queries.opening_day(session, book.id)
    began = (book.ownership_since or clock.now()).date()
    earliest, latest = first_days(began, opened_on, clock.today())
    if not earliest <= first <= latest:
        raise errors.first_day_refused(earliest, latest)


async def _check_rules(session: AsyncSession, book: Book, first: date) -> None:
    """Refuse a period that could not be closed: its first day decides by which rules it is."""
    if await policy_on(session, book.id, first) is None:
        raise errors.rules_missing(first, await first_ruled_day(session, book.id))


def _check_end(first: date, last: date) -> None:
    most = timedelta(days=DAYS_MAX)
    if not timedelta(0) <= last - first <= most or last > clock.today() + most:
        raise errors.days_refused("/ends_on", first)


async def change_period(
    session: AsyncSession, actor: Actor, period_id: UUID, changes: PeriodChanges, expected: int
) -> Period:
    """Enter what was earned or lost, or move the last day while no other period follows."""
    view = await _view_to_close(session, actor, period_id)
    period = await _locked(session, view, expected)
    if not is_editable(period):
        raise errors.wrong_state(period.state)
    if changes.ends_on is not None and changes.ends_on != period.ends_on:
        await lock_periods(session, period.book_id)
        last = await queries.last_period(session, period.book_id)
        if last is None or last.id != period.id:
            raise errors.refused("period_days_fixed")
        _check_end(period.starts_on, changes.ends_on)
        period.ends_on = changes.ends_on
    if changes.surplus is not None:
        period.surplus, period.surplus_by = changes.surplus, view.account_id
    _touch(period)
    _record(session, actor, period, view.book, "period.changed")
    return period


async def freeze_period(
    session: AsyncSession, actor: Actor, period_id: UUID, expected: int, *, acknowledged: bool
) -> Period:
    """Let no new work into a period, once the checklist is met; its draft is drawn up next."""
    view = await _view_to_close(session, actor, period_id)
    period = await _locked(session, view, expected)
    if not is_editable(period):
        raise errors.wrong_state(period.state)
    await lock_periods(session, period.book_id)  # what is on its way in arrives first
    items = await checklist(session, period, view.book)
    if missing := unmet(items, needed=True):
        raise errors.unready("period_unready", missing)
    if not acknowledged and (doubtful := unmet(items, needed=False)):
        raise errors.unready("period_unacknowledged", doubtful)
    policy = await policy_on(session, period.book_id, period.starts_on)
    period.policy_id = policy.id if policy else None
    period.state = PeriodState.FROZEN
    period.frozen_at, period.frozen_by = clock.now(), view.account_id
    begin_hearing(period)
    _touch(period)
    _record(session, actor, period, view.book, "period.frozen")
    return period


async def reopen_period(
    session: AsyncSession, actor: Actor, period_id: UUID, expected: int, reason: str
) -> Period:
    """Take a period back before its lock, to put it right; signatures fall, drafts begin anew.

    Each of those who may does so once a period: nobody keeps it open alone.
    """
    view = await _view_to_close(session, actor, period_id)
    period = await _locked(session, view, expected)
    if not may_reopen(period):
        raise errors.wrong_state(period.state)
    await _reopen(session, actor, view, period, reason)
    return period


async def _reopen(
    session: AsyncSession, actor: Actor, view: PeriodView, period: Period, reason: str
) -> None:
    before = period.reopened_by or []
    if await same_person(session, view.account_id, [UUID(each) for each in before]):
        raise errors.refused("period_reopened_before")
    lines = await queries.all_lines(session, period.id)
    begin_hearing(period)
    period.reopened_by = [*before, str(view.account_id)]
    period.state = PeriodState.REOPENED
    _touch(period)
    _record(
        session,
        actor,
        period,
        view.book,
        "period.reopened",
        reason=reason,
        tell=sorted(str(line.account_id) for line in lines),
    )


async def object_to(
    session: AsyncSession, actor: Actor, period_id: UUID, text: str
) -> PeriodObjection:
    """Say that a draft is wrong, and why; everybody with a line in it may, for 30 days."""
    account_id = actor.require_session()
    view = await queries.get_period_for(session, actor, period_id)
    period = await queries.lock_period(session, period_id)
    if not hears_objections(period, clock.now()):
        raise errors.wrong_state(period.state)
    objection = PeriodObjection(
        id=ids.private_id(),
        period_id=period.id,
        draft=period.draft,
        account_id=account_id,
        text=text,
    )
    session.add(objection)
    await session.flush()
    keepers = await queries.keepers_of(session, view.book.organisation_id)
    tell = sorted(str(each) for each in keepers)
    _record(session, actor, period, view.book, "period.objected", tell=tell)
    return objection


async def answer_objection(
    session: AsyncSession, actor: Actor, objection_id: UUID, fields: AnswerFields
) -> PeriodObjection:
    """Answer somebody else's objection: the figures stay, and why; or the period is taken back."""
    objection = await session.get(PeriodObjection, objection_id)
    if objection is None:
        raise errors.missing("period_objection_missing")
    view = await _view_to_close(session, actor, objection.period_id)
    period = await queries.lock_period(session, objection.period_id)
    await session.refresh(objection)
    if await same_person(session, view.account_id, [objection.account_id]):
        raise errors.forbidden("period_answer_own")
    if objection.state != ObjectionState.OPEN or period.state == PeriodState.LOCKED:
        raise errors.wrong_state(objection.state)
    objection.state = ObjectionState.KEPT if fields.kept else ObjectionState.CHANGED
    objection.answer = fields.answer
    objection.answered_by, objection.answered_at = view.account_id, clock.now()
    tell = [str(objection.account_id)]
    _record(session, actor, period, view.book, "period.answered", tell=tell)
    if not fields.kept and may_reopen(period):
        await _reopen(session, actor, view, period, fields.answer)
    await session.flush()
    return objection


async def sign_period(
    session: AsyncSession, actor: Actor, period_id: UUID, outcome_hash: bytes
) -> Period:
    """Sign the draft that one has read; the second signature, of somebody else, locks it."""
    account_id = actor.require_session()
    view = await queries.get_period_for(session, actor, period_id)
    status = await status_at(session, view.book.id, account_id, clock.today())
    enforce(may_sign(await membership(session, view.book.organisation_id, account_id), status))
    period = await queries.lock_period(session, period_id)
    if period.state not in OPEN_TO_SIGN or period.locks_at is not None:
        raise errors.wrong_state(period.state)
    objections = await queries.objections_to(session, period)
    if waits_for_objections(period, objections, clock.now()):
        raise errors.refused("period_objections_open")
    if outcome_hash != period.outcome_hash:
        raise errors.refused("period_outcome_other")
    signed = await queries.signatures_of(session, period)
    # Two accounts of one person are one signer (R7, R15).
    if await same_person(session, account_id, [each.account_id for each in signed]):
        raise errors.refused("period_signed_already")
    now = clock.now()
    session.add(
        PeriodSignature(
            period_id=period.id,
            draft=period.draft,
            account_id=account_id,
            outcome_hash=outcome_hash,
            signed_at=now,
        )
    )
    period.state = PeriodState.SIGNED
    if len(signed) + 1 >= SIGNERS:
        period.locks_at = now
    _touch(period)
    await session.flush()
    tell = sorted(
        str(each) for each in await queries.keepers_of(session, view.book.organisation_id)
    )
    _record(session, actor, period, view.book, "period.signed", tell=tell)
    return period


async def _view_to_close(session: AsyncSession, actor: Actor, period_id: UUID) -> PeriodView:
    account_id = actor.require_session()
    view = await queries.get_period_for(session, actor, period_id)
    decision = may_close(await membership(session, view.book.organisation_id, account_id))
    if isinstance(decision, Denied):
        raise errors.forbidden(decision.code)
    return view


async def _locked(session: AsyncSession, view: PeriodView, expected: int) -> Period:
    period = await queries.lock_period(session, view.period.id)
    if period.version != expected:
        raise errors.stale(period.version)
    return period


def _touch(period: Period) -> None:
    period.version += 1
    period.updated_at = clock.now()


def _record(
    session: AsyncSession, actor: Actor, period: Period, book: Book, verb: str, **details: object
) -> None:
    record(
        session,
        actor,
        verb,
        period.id,
        book_id=str(book.id),
        organisation_id=str(book.organisation_id),
        **details,
    )
