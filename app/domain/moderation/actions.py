"""Reporting, deciding on reports, and what stewards do about accounts.

Who reported is in the report's own row and nowhere else: no activity that others could follow
and no history names the reporter.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import ANONYMOUS, Actor, Scope, enforce
from app.domain.activity.actions import record
from app.domain.asks.actions import count_today, day_key
from app.domain.claims import conversation
from app.domain.identity.actions import end_sessions
from app.domain.moderation import errors, queries
from app.domain.moderation.holds import hold_need
from app.domain.moderation.policy import may_restrict
from app.domain.moderation.queries import Subject
from app.domain.moderation.rules import (
    BY_STRANGERS,
    HIDDEN_REASON_MAX,
    PER_NETWORK_A_DAY,
    PER_PERSON_A_DAY,
    REASON_REQUIRED,
    STRANGERS_WAITING_MAX,
    possible_deeds,
)
from app.domain.needs.questions import hide_question
from app.domain.organisations.actions import move_organisation
from app.errors import reason_required
from app.infra import clock, ids
from app.models.identity import Account
from app.models.moderation import (
    Report,
    ReportAbout,
    ReportDeed,
    ReportFields,
    ReportHistory,
    ReportState,
)
from app.models.organisations import OrganisationState

# One person's reports queue here, so that a double click is one report.
LOCK_REPORTER = text("SELECT pg_advisory_xact_lock(hashtextextended('reports:' || :account_id, 0))")


@dataclass(frozen=True)
class Verdict:
    """What a steward decides, why, and which other reports of the same it settles too."""

    deed: ReportDeed
    reason: str = ""
    also: Sequence[UUID] = ()


async def make_report(
    session: AsyncSession, actor: Actor, fields: ReportFields
) -> tuple[Report, bool]:
    """Report what one can see; again while it waits is the same report with newer words.

    Answers the report, and whether it is a new one.
    """
    account_id = actor.require(Scope.CLAIMS_WRITE)
    subject = await queries.find_subject(session, actor, fields.about, fields.id)
    if subject.account_id == account_id:
        raise errors.report_of_oneself()
    await session.execute(LOCK_REPORTER, {"account_id": str(account_id)})
    waiting = await queries.waiting_report_of(session, account_id, subject)
    if waiting is not None:
        if (fields.kind, fields.words) != (waiting.kind, waiting.words):
            waiting.kind, waiting.words = fields.kind, fields.words or waiting.words
            waiting.version += 1
        return waiting, False
    if await queries.reports_within_day(session, account_id) >= PER_PERSON_A_DAY:
        raise errors.reports_limit()
    return await _keep(session, subject, fields, account_id), True


async def make_strangers_report(
    session: AsyncSession, fields: ReportFields, network: str | None
) -> None:
    """Report what anybody may read, without an account; answers the same whatever was kept."""
    if fields.about not in BY_STRANGERS:
        raise errors.report_not_found()
    subject = await queries.find_subject(session, ANONYMOUS, fields.about, fields.id)
    key = await day_key(session)
    if network is not None:
        if await count_today(session, key, "reports", network) > PER_NETWORK_A_DAY:
            raise errors.reports_limit()
        same = f"{network} {fields.about} {fields.id}"
        if await count_today(session, key, "report", same) > 1:
            return
    await session.execute(LOCK_REPORTER, {"account_id": str(subject.id)})
    if await queries.strangers_waiting(session, subject) < STRANGERS_WAITING_MAX:
        await _keep(session, subject, fields, None)


async def _keep(
    session: AsyncSession, subject: Subject, fields: ReportFields, reporter_id: UUID | None
) -> Report:
    report = Report(
        id=ids.private_id(),
        about=subject.about,
        subject_id=subject.id,
        kind=fields.kind,
        words=fields.words,
        said=subject.said,
        reporter_id=reporter_id,
        organisation_id=subject.organisation_id,
        account_id=subject.account_id,
        place_id=subject.place_id,
    )
    session.add(report)
    await session.flush()
    # By nobody: what happened is read in more places than reports are.
    record(session, ANONYMOUS, "report.made", report.id)
    return report


async def decide(
    session: AsyncSession, actor: Actor, report_id: UUID, verdict: Verdict, version: int
) -> Report:
    """Decide on a report, do what was decided, and settle it; of two stewards the first counts."""
    actor.require_steward()
    found = await queries.lock_reports(session, [report_id, *verdict.also])
    report = found.get(report_id)
    if report is None:
        raise errors.report_not_found()
    if report.state is not ReportState.WAITING or report.version != version:
        raise await _decided_already(session, report)
    if verdict.deed not in possible_deeds(report):
        raise errors.deed_impossible(possible_deeds(report))
    if verdict.deed in REASON_REQUIRED and not verdict.reason.strip():
        raise reason_required()
    await EFFECTS[verdict.deed](session, actor, report, verdict.reason.strip())
    same = (report.about, report.subject_id)
    for each in found.values():
        if each.state is ReportState.WAITING and (each.about, each.subject_id) == same:
            _settle(session, actor, each, verdict)
    await session.flush()
    return report


async def _decided_already(session: AsyncSession, report: Report) -> Exception:
    """Say what happened to a report since somebody read it."""
    history = (await queries.histories_of(session, [report.id])).get(report.id, [])
    deed = history[-1].deed.value if history else None
    return errors.report_looked_at(version=report.version, state=report.state.value, deed=deed)


def _settle(session: AsyncSession, actor: Actor, report: Report, verdict: Verdict) -> None:
    report.state = ReportState.LOOKED_AT
    report.said = ""
    report.version += 1
    session.add(
        ReportHistory(
            report_id=report.id,
            account_id=actor.account_id,
            deed=verdict.deed,
            reason=verdict.reason.strip(),
            request_id=actor.request_id,
        )
    )
    tell = [str(report.reporter_id)] if report.reporter_id else []
    record(session, actor, "report.looked_at", report.id, tell=tell)


async def _let_be(session: AsyncSession, actor: Actor, report: Report, reason: str) -> None:
    """Nothing is done about it."""


async def _hold(session: AsyncSession, actor: Actor, report: Report, reason: str) -> None:
    await hold_need(session, actor, report.subject_id, reason)


async def _hide(session: AsyncSession, actor: Actor, report: Report, reason: str) -> None:
    """Hide a question from the public, or a message from the other side of its thread."""
    if report.place_id is None:
        raise errors.report_not_found()
    why = reason[:HIDDEN_REASON_MAX]
    if report.about is ReportAbout.QUESTION:
        await hide_question(session, actor, report.place_id, report.subject_id, why)
    else:
        place = (report.place_id, report.subject_id)
        await conversation.hide_message(session, actor, place, why)


async def _limit(session: AsyncSession, actor: Actor, report: Report, reason: str) -> None:
    await limit_account(session, actor, _account_of(report), reason)


async def _block(session: AsyncSession, actor: Actor, report: Report, reason: str) -> None:
    await block_account(session, actor, _account_of(report), reason)


def _account_of(report: Report) -> UUID:
    if report.account_id is None:
        raise errors.deed_impossible(possible_deeds(report))
    return report.account_id


async def _suspend(session: AsyncSession, actor: Actor, report: Report, reason: str) -> None:
    if report.organisation_id is None:
        raise errors.deed_impossible(possible_deeds(report))
    await move_organisation(
        session, actor, report.organisation_id, OrganisationState.SUSPENDED, reason
    )


Effect = Callable[[AsyncSession, Actor, Report, str], Awaitable[None]]
EFFECTS: Mapping[ReportDeed, Effect] = {
    ReportDeed.LET_BE: _let_be,
    ReportDeed.HELD: _hold,
    ReportDeed.HIDDEN: _hide,
    ReportDeed.LIMITED: _limit,
    ReportDeed.BLOCKED: _block,
    ReportDeed.SUSPENDED: _suspend,
}


async def restrict(
    session: AsyncSession, actor: Actor, account_id: UUID, to: str, reason: str
) -> Account:
    """Bring an account to one of the three: active, limited or blocked."""
    if to == "blocked":
        return await block_account(session, actor, account_id, reason)
    if to == "limited":
        await unblock_account(session, actor, account_id)
        return await limit_account(session, actor, account_id, reason)
    await unblock_account(session, actor, account_id)
    return await unlimit_account(session, actor, account_id)


async def limit_account(
    session: AsyncSession, actor: Actor, account_id: UUID, reason: str
) -> Account:
    """Let an account read everything and write nothing, with a reason that its person reads."""
    account = await _to_restrict(session, actor, account_id, reason)
    account.limited_at = account.limited_at or clock.now()
    account.standing_reason = reason.strip()
    record(session, actor, "account.limited", account.id, tell=[str(account.id)])
    await session.flush()
    return account


async def unlimit_account(session: AsyncSession, actor: Actor, account_id: UUID) -> Account:
    """Let an account write again."""
    actor.require_steward()
    account = await queries.lock_account(session, account_id)
    if account.limited_at is not None:
        account.limited_at = None
        account.standing_reason = account.standing_reason if account.disabled_at else ""
        record(session, actor, "account.unlimited", account.id, tell=[str(account.id)])
    await session.flush()
    return account


async def block_account(
    session: AsyncSession, actor: Actor, account_id: UUID, reason: str
) -> Account:
    """Close an account: it is signed out everywhere, and its keys open nothing. Can be undone."""
    account = await _to_restrict(session, actor, account_id, reason)
    account.disabled_at = account.disabled_at or clock.now()
    account.standing_reason = reason.strip()
    await end_sessions(session, account.id)
    record(session, actor, "account.blocked", account.id)
    await session.flush()
    return account


async def unblock_account(session: AsyncSession, actor: Actor, account_id: UUID) -> Account:
    """Open an account again that stewards had closed; what only stood for somebody stays closed."""
    actor.require_steward()
    account = await queries.lock_account(session, account_id)
    if account.disabled_at is not None and account.standing_reason:
        account.disabled_at = None
        account.standing_reason = account.standing_reason if account.limited_at else ""
        record(session, actor, "account.unblocked", account.id, tell=[str(account.id)])
    await session.flush()
    return account


async def _to_restrict(
    session: AsyncSession, actor: Actor, account_id: UUID, reason: str
) -> Account:
    """Lock an account that a steward may restrict.

    The stewards' rows come first: of two who would end one another only one does.
    """
    actor.require_steward()
    others = await queries.other_stewards(session, account_id)
    account = await queries.lock_account(session, account_id)
    enforce(may_restrict(actor, account, others))
    if not reason.strip():
        raise reason_required()
    return account
