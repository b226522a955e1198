"""Reading reports, holds and restricted accounts. Only stewards read what others reported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.claims import conversation
from app.domain.claims import queries as claims
from app.domain.moderation import errors
from app.domain.moderation.rules import DAY, SAID_MAX
from app.domain.needs import queries as needs
from app.domain.needs import questions
from app.domain.organisations import queries as organisations
from app.errors import ForbiddenError, InvalidError, NotFoundError
from app.infra import clock
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.identity import Account
from app.models.moderation import Report, ReportAbout, ReportHistory, ReportState
from app.models.needs import Hold, Need
from app.models.threads import Message, ThreadSubject


@dataclass(frozen=True)
class Subject:
    """What can be reported, as its reader sees it: whose it is, where it is shown, what it says."""

    about: ReportAbout
    id: UUID
    organisation_id: UUID | None = None
    account_id: UUID | None = None
    place_id: UUID | None = None
    said: str = ""


@dataclass(frozen=True)
class Counts:
    """How much waits for the stewards."""

    reports: int
    holds: int
    appeals: int


async def find_subject(
    session: AsyncSession, actor: Actor, about: ReportAbout, subject_id: UUID
) -> Subject:
    """Return what somebody wants to report, if they can see it; to all others there is none."""
    try:
        if about is ReportAbout.NEED:
            return await _need(session, actor, subject_id)
        if about is ReportAbout.ORGANISATION:
            found = await organisations.get_organisation_for(session, actor, subject_id)
            own = found.organisation
            said = f"{own.name}\n\n{own.summary}".strip()[:SAID_MAX]
            return Subject(about, own.id, organisation_id=own.id, said=said)
        if about is ReportAbout.WORKER:
            view = await claims.get_claim_for(session, actor, subject_id)
            claim, place = view.claim, view.claim.id
            return Subject(about, claim.id, account_id=claim.account_id, place_id=place)
        return await _message(session, actor, about, subject_id)
    except ForbiddenError:
        raise errors.report_not_found() from None


async def _need(session: AsyncSession, actor: Actor, need_id: UUID) -> Subject:
    need = await needs.get_need_for(session, actor, need_id)
    said = f"{need.title}\n\n{need.body}".strip()[:SAID_MAX]
    return Subject(
        ReportAbout.NEED, need.id, need.organisation_id, place_id=need.id, said=said
    )  # fmt: skip


async def _message(
    session: AsyncSession, actor: Actor, about: ReportAbout, message_id: UUID
) -> Subject:
    message = await session.get(Message, message_id)
    asked = about is ReportAbout.QUESTION
    if (
        message is None
        or (message.subject is ThreadSubject.NEED) != asked
        or message.deleted_at is not None
    ):
        raise errors.report_not_found()
    if asked:
        need = await needs.get_need_for(session, actor, message.subject_id)
        runs = await questions.runs_need(session, actor, need)
        if message.hidden_at is not None and not runs:
            raise errors.report_not_found()
    else:
        await conversation.open_conversation(session, actor, message.subject_id)
        if not await conversation.reads_message(session, actor, message):
            raise errors.report_not_found()
    return Subject(
        about,
        message.id,
        account_id=message.account_id,
        place_id=message.subject_id,
        said=message.body[:SAID_MAX],
    )


async def waiting_report_of(
    session: AsyncSession, reporter_id: UUID, subject: Subject
) -> Report | None:
    """Return what somebody reported of the same already, while nobody has looked."""
    statement = select(Report).where(
        Report.reporter_id == reporter_id,
        Report.about == subject.about,
        Report.subject_id == subject.id,
        Report.state == ReportState.WAITING,
    )
    return (await session.exec(statement)).first()


async def reports_within_day(session: AsyncSession, reporter_id: UUID) -> int:
    """Count what somebody reported in the last 24 hours."""
    statement = select(func.count()).where(
        Report.reporter_id == reporter_id, col(Report.created_at) > clock.now() - DAY
    )
    return int((await session.exec(statement)).one())


async def strangers_waiting(session: AsyncSession, subject: Subject) -> int:
    """Count the waiting reports of the same by people without an account."""
    statement = select(func.count()).where(
        col(Report.reporter_id).is_(None),
        Report.about == subject.about,
        Report.subject_id == subject.id,
        Report.state == ReportState.WAITING,
    )
    return int((await session.exec(statement)).one())


async def list_reports(
    session: AsyncSession, actor: Actor, state: ReportState, limit: int, cursor: str | None
) -> Page[Report]:
    """List reports to stewards: those that wait, the oldest first; the others, the newest first."""
    actor.require_steward()
    place = tuple_(col(Report.created_at), col(Report.id))
    statement = select(Report).where(Report.state == state)
    newest_first = state is not ReportState.WAITING
    if cursor is not None:
        after = tuple_(*_position(cursor))
        statement = statement.where(place < after if newest_first else place > after)
    order = (col(Report.created_at), col(Report.id))
    statement = statement.order_by(*(c.desc() if newest_first else c for c in order))
    rows = (await session.exec(statement.limit(limit + 1))).all()
    return cut_page(rows, limit, lambda r: encode_cursor(r.created_at.isoformat(), r.id))


def _position(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, last = decode_cursor(cursor, 2)
        return datetime.fromisoformat(at or ""), UUID(last or "")
    except ValueError:
        raise InvalidError("cursor_invalid") from None


async def get_report_for(session: AsyncSession, actor: Actor, report_id: UUID) -> Report:
    """Return a report to a steward."""
    actor.require_steward()
    report = await session.get(Report, report_id)
    if report is None:
        raise errors.report_not_found()
    return report


async def lock_reports(session: AsyncSession, report_ids: Sequence[UUID]) -> dict[UUID, Report]:
    """Lock some reports, always in the same order, and read them anew."""
    statement = (
        select(Report)
        .where(col(Report.id).in_(set(report_ids)))
        .order_by(col(Report.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {report.id: report for report in (await session.exec(statement)).all()}


async def others_about(session: AsyncSession, report: Report, limit: int = 30) -> Sequence[Report]:
    """Return the other reports about the same thing or the same account, newest first."""
    same = and_(col(Report.about) == report.about, col(Report.subject_id) == report.subject_id)
    theirs = col(Report.account_id) == report.account_id
    statement = (
        select(Report)
        .where(Report.id != report.id, or_(same, theirs) if report.account_id else same)
        .order_by(col(Report.created_at).desc(), col(Report.id).desc())
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def histories_of(
    session: AsyncSession, report_ids: Sequence[UUID]
) -> Mapping[UUID, list[ReportHistory]]:
    """Return what stewards did about some reports, oldest first."""
    if not report_ids:
        return {}
    statement = (
        select(ReportHistory)
        .where(col(ReportHistory.report_id).in_(set(report_ids)))
        .order_by(col(ReportHistory.id))
    )
    found: dict[UUID, list[ReportHistory]] = {}
    for row in await session.exec(statement):
        found.setdefault(row.report_id, []).append(row)
    return found


async def count_waiting(session: AsyncSession, actor: Actor) -> Counts:
    """Count what waits for the stewards."""
    actor.require_steward()
    reports = select(func.count()).where(Report.state == ReportState.WAITING)
    live = select(func.count(), func.count(col(Hold.appealed_at))).where(
        col(Hold.ended_at).is_(None)
    )
    holds, appeals = (await session.exec(live)).one()
    return Counts(int((await session.exec(reports)).one()), int(holds), int(appeals))


async def list_holds(
    session: AsyncSession, actor: Actor, limit: int, cursor: str | None
) -> Page[tuple[Hold, Need]]:
    """List the needs that are held to stewards, the longest held first."""
    actor.require_steward()
    statement = select(Hold, Need).where(Hold.need_id == Need.id, col(Hold.ended_at).is_(None))
    if cursor is not None:
        place = tuple_(col(Hold.held_at), col(Hold.id))
        statement = statement.where(place > tuple_(*_position(cursor)))
    statement = statement.order_by(col(Hold.held_at), col(Hold.id)).limit(limit + 1)
    rows = [(hold, need) for hold, need in (await session.exec(statement)).all()]
    return cut_page(rows, limit, lambda row: encode_cursor(row[0].held_at.isoformat(), row[0].id))


async def get_hold_for(session: AsyncSession, actor: Actor, hold_id: UUID) -> tuple[Hold, Need]:
    """Return a hold to the people of its need and to stewards; to all others there is none."""
    hold = await session.get(Hold, hold_id)
    if hold is None:
        raise errors.hold_not_found()
    need = await session.get_one(Need, hold.need_id)
    own = await needs.need_membership(session, actor, need)
    if own is None and not actor.acts_as_steward:
        raise errors.hold_not_found()
    return hold, need


async def hold_on(session: AsyncSession, actor: Actor, need_id: UUID) -> tuple[Hold, Need]:
    """Return the hold that a need is under, or the last one, as `get_hold_for`."""
    statement = select(Hold.id).where(Hold.need_id == need_id).order_by(col(Hold.held_at).desc())
    hold_id = (await session.exec(statement.limit(1))).first()
    if hold_id is None:
        raise errors.hold_not_found()
    return await get_hold_for(session, actor, hold_id)


async def list_restricted(
    session: AsyncSession, actor: Actor, limit: int, cursor: str | None
) -> Page[Account]:
    """List to stewards the accounts that they limited or blocked, by handle."""
    actor.require_steward()
    # An account that only stood for somebody ends without anybody's reason.
    blocked = and_(col(Account.disabled_at).is_not(None), col(Account.standing_reason) != "")
    statement = select(Account).where(or_(col(Account.limited_at).is_not(None), blocked))
    if cursor is not None:
        (last,) = decode_cursor(cursor, 1)
        statement = statement.where(col(Account.handle) > (last or ""))
    rows = (await session.exec(statement.order_by(col(Account.handle)).limit(limit + 1))).all()
    return cut_page(rows, limit, lambda account: encode_cursor(account.handle))


async def lock_account(session: AsyncSession, account_id: UUID) -> Account:
    """Lock an account's row and read it anew."""
    account = await session.get(
        Account, account_id, with_for_update=True, populate_existing=True
    )  # fmt: skip
    if account is None:
        raise NotFoundError("account_not_found")
    return account


async def other_stewards(session: AsyncSession, account_id: UUID) -> int:
    """Lock the stewards who can act, in one order, and count those beside somebody."""
    statement = (
        select(Account.id)
        .where(
            col(Account.steward).is_(True),
            col(Account.disabled_at).is_(None),
            col(Account.limited_at).is_(None),
        )
        .order_by(col(Account.id))
        .with_for_update()
    )
    return len([found for found in (await session.exec(statement)).all() if found != account_id])
