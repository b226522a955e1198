"""What the other instance says of a claim that two instances share.

The peer edge calls these after it has verified who speaks; nobody else moves such a claim for the
other side. Where the need lives here (`Elsewhere.WORKER`), the worker's moves come in and go by
the same table as everybody's. Where the need lives elsewhere (`Elsewhere.NEED`), its owner's word
is how things stand, whatever we thought before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.activity.actions import record
from app.domain.claims import errors, queries
from app.domain.claims.actions import apply_move, submit_claim
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import TRANSITIONS, ClaimLimits, Side
from app.domain.identity.actions import add_silent_account
from app.errors import ConflictError
from app.infra import clock, ids
from app.models.activity import Activity
from app.models.agreements import Agreement
from app.models.claims import (
    LIVE_STATES,
    Claim,
    ClaimFields,
    ClaimState,
    Elsewhere,
    WorkLog,
)
from app.models.identity import Account

# So many claims of one peer may be alive here at once: a peer speaks for many, not for endless.
LIVE_PER_PEER_MAX = 500
# A guest has one claim, so the limits on how much one worker takes on say nothing here: their own
# instance applies them.
GUEST_LIMITS = ClaimLimits(pending=1, live=1)
GUEST_HANDLE = "guest"
# A need's instance that asks more often than this is not passed on: nobody is to be flooded.
ASKED_AGAIN_AFTER = timedelta(hours=20)
S = ClaimState
# The provider's part of a claim's life: what a report can say.
PROVIDER_STATES = frozenset({S.ACCEPTED, S.ACTIVE, S.SUBMITTED, S.DISPUTED})


@dataclass(frozen=True)
class Offered:
    """An offer of a peer's member to take a need of ours on."""

    peer_id: UUID
    host: str
    offer_url: str
    provider_url: str
    need_url: str
    shown_name: str
    note: str
    answer_by: datetime


@dataclass(frozen=True)
class Day:
    """Work of a day, as its report says."""

    worked_on: date
    minutes: int
    note: str = ""


@dataclass(frozen=True)
class Reported:
    """What the worker's instance says of a claim by now."""

    version: int
    state: ClaimState
    reason: str = ""
    days: Sequence[Day] = ()


@dataclass(frozen=True)
class Stands:
    """What the need's instance says of a claim by now.

    `heard` is the newest version of our reports that it had heard of when it said so.
    """

    version: int
    state: ClaimState
    heard: int = 0
    reason: str = ""
    minutes: int | None = None
    asked_until: datetime | None = None
    contacts: Sequence[dict[str, str]] = ()


async def take_offer(session: AsyncSession, need_id: UUID, offered: Offered) -> Claim:
    """Take a peer's offer as an application to a need of ours, as everybody's is taken.

    Refuses by the same errors; an instant need gives its place at once. The guest is an account
    that nobody signs in with: it belongs to this one claim and holds a pseudonym or the name that
    its person chose to show.
    """
    if await _live_of_peer(session, offered.peer_id) >= LIVE_PER_PEER_MAX:
        raise ConflictError("peer_claims_limit")
    if await _holds_place(session, need_id, offered):
        raise errors.claim_exists()
    guest = await _guest(session, offered)
    claim = await submit_claim(
        session,
        Actor(account_id=guest.id),
        need_id,
        ClaimFields(note=offered.note),
        GUEST_LIMITS,
        guest=True,
    )
    session.add(
        Agreement(
            claim_id=claim.id,
            peer_id=offered.peer_id,
            key=ids.private_id(),
            need_url=offered.need_url,
            offer_url=offered.offer_url,
            provider_url=offered.provider_url,
            shown_name=offered.shown_name,
            answer_by=offered.answer_by,
        )
    )
    await session.flush()
    return claim


async def _guest(session: AsyncSession, offered: Offered) -> Account:
    guest = await add_silent_account(session, "", "en", prefix=GUEST_HANDLE)
    number = guest.handle.removeprefix(f"{GUEST_HANDLE}-")[:4]
    guest.display_name = offered.shown_name or f"{offered.host[:70]} · {number}"
    await session.flush()
    return guest


async def _holds_place(session: AsyncSession, need_id: UUID, offered: Offered) -> bool:
    """Say whether who is offered has a live claim on the need: one person, one place."""
    statement = select(Claim.id).where(
        col(Agreement.peer_id) == offered.peer_id,
        col(Agreement.provider_url) == offered.provider_url,
        col(Agreement.claim_id) == col(Claim.id),
        col(Claim.need_id) == need_id,
        col(Claim.state).in_(LIVE_STATES),
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def _live_of_peer(session: AsyncSession, peer_id: UUID) -> int:
    statement = select(func.count()).where(
        col(Agreement.peer_id) == peer_id,
        col(Agreement.claim_id) == col(Claim.id),
        col(Claim.elsewhere) == Elsewhere.WORKER,
        col(Claim.state).in_(LIVE_STATES),
    )
    return (await session.exec(statement)).one()


async def apply_report(session: AsyncSession, agreement: Agreement, said: Reported) -> bool:
    """Do with a claim on a need of ours what its worker did there, as far as the table allows.

    Answers False where it changes nothing: an older word, or a claim that is over here.
    """
    if said.version <= agreement.heard_version:
        return False
    view = await queries.lock_claim_for(session, SYSTEM, agreement.claim_id)
    claim = view.claim
    path = _path(claim.state, said.state)
    agreement.heard_version = said.version
    if path is None:
        return False
    if S.DISPUTED in path and await queries.is_disputed_in_book(session, claim):
        return False
    now = clock.now()
    claim.heartbeat_at = max(claim.heartbeat_at or now, now)
    if said.days and claim.confirmed_at is None:
        await _write_days(session, claim, said.days)
    for to in path:
        await apply_move(session, _worker(claim), view, to, said.reason if to == path[-1] else "")
    return True


def _worker(claim: Claim) -> Actor:
    return Actor(account_id=claim.account_id)


def _path(at: ClaimState, to: ClaimState) -> list[ClaimState] | None:
    """Return the moves of a worker from one state to another, by the table; None: there are none.

    A report may skip what happened in between: work that is handed in had begun.
    """
    if at == to or (to == S.ACCEPTED and at == S.ACTIVE):
        return []
    if Side.WORKER in TRANSITIONS[at].get(to, frozenset()):
        return [to]
    begun = Side.WORKER in TRANSITIONS[at].get(S.ACTIVE, frozenset())
    return [S.ACTIVE, to] if begun and to == S.SUBMITTED else None


async def _write_days(session: AsyncSession, claim: Claim, days: Sequence[Day]) -> None:
    """Keep the work as the newest report tells it: the days of the one before are replaced."""
    await session.execute(delete(WorkLog).where(col(WorkLog.claim_id) == claim.id))
    for day in days:
        session.add(
            WorkLog(
                id=ids.private_id(),
                claim_id=claim.id,
                worked_on=day.worked_on,
                minutes=day.minutes,
                note=day.note,
            )
        )
    await session.flush()


async def apply_undo(session: AsyncSession, agreement: Agreement) -> bool:
    """Take an application or a place back for a worker elsewhere; what is over stays over."""
    view = await queries.lock_claim_for(session, SYSTEM, agreement.claim_id)
    if Side.WORKER not in TRANSITIONS[view.claim.state].get(S.WITHDRAWN, frozenset()):
        if view.claim.state != S.SUBMITTED:
            return False
        await apply_move(session, _worker(view.claim), view, S.ACTIVE)
    await apply_move(session, _worker(view.claim), view, S.WITHDRAWN)
    return True


async def apply_stands(session: AsyncSession, agreement: Agreement, now: Stands) -> bool:
    """Bring a claim on a need elsewhere in line with what its owner says.

    Whoever took an offer back keeps that: the owner is told so as well, and frees the place.
    """
    if now.version <= agreement.heard_version:
        return False
    view = await queries.lock_claim_for(session, SYSTEM, agreement.claim_id)
    agreement.heard_version = now.version
    if now.contacts:
        agreement.contacts = list(now.contacts)
    claim = view.claim
    if claim.state in {S.WITHDRAWN, S.EXPIRED, S.DECLINED}:
        return False
    if now.asked_until is not None and claim.state in {S.ACCEPTED, S.ACTIVE, S.CHANGES_REQUESTED}:
        await _pass_on_question(session, view, now.asked_until)
    behind = now.heard < agreement.said_version and now.state in _BEFORE_THE_REPORT
    if claim.state == now.state or (behind and claim.state != S.APPLIED):
        return True
    if now.state == S.CONFIRMED:
        return await _confirm(session, view, now.minutes or 0)
    if claim.state == S.CONFIRMED and now.state != S.DISPUTED:
        return True
    await apply_move(session, SYSTEM, view, now.state, now.reason)
    return True


# What an owner says before it has seen our newest report: its answer to that is on its way.
_BEFORE_THE_REPORT = frozenset({S.ACCEPTED, S.ACTIVE, S.SUBMITTED, S.CHANGES_REQUESTED})


async def _pass_on_question(session: AsyncSession, view: ClaimView, until: datetime) -> None:
    """Ask the worker for a sign of life, as the need's instance asks; once a day at most."""
    verb = "claim.start_asked" if view.claim.state == S.ACCEPTED else "claim.nudged"
    lately = select(func.count()).where(
        Activity.noun == "claim",
        Activity.object_id == view.claim.id,
        Activity.verb == verb,
        col(Activity.at) > clock.now() - ASKED_AGAIN_AFTER,
    )
    if (await session.exec(lately)).one():
        return
    record(
        session, SYSTEM, verb, view.claim.id,
        claim_id=str(view.claim.id),
        need_id=str(view.need.id),
        organisation_id=None,
        worker_id=str(view.claim.account_id),
        tell=[str(view.claim.account_id)],
        until=until.isoformat(),
    )  # fmt: skip


async def confirm_by_receipt(
    session: AsyncSession, claim_id: UUID, minutes: int, receipt_url: str
) -> bool:
    """Note that the need's owner confirmed work of ours and signed for it; safe to run twice.

    Answers whether the claim moved or its hours changed.
    """
    view = await queries.lock_claim_for(session, SYSTEM, claim_id)
    agreement = await session.get(Agreement, claim_id)
    if agreement is None or view.claim.elsewhere != Elsewhere.NEED:
        raise errors.claim_not_found()
    agreement.receipt_url = receipt_url
    return await _confirm(session, view, minutes)


async def _confirm(session: AsyncSession, view: ClaimView, minutes: int) -> bool:
    claim = view.claim
    if minutes < 1 or (claim.state == S.CONFIRMED and claim.confirmed_minutes == minutes):
        return False
    claim.confirmed_minutes = minutes
    claim.confirmed_at = claim.confirmed_at or clock.now()
    if claim.state == S.CONFIRMED:
        claim.updated_at = clock.now()
        claim.version += 1
    else:
        await apply_move(session, SYSTEM, view, S.CONFIRMED)
    return True


async def apply_rejection(
    session: AsyncSession, agreement: Agreement, answer_id: str, reason: str
) -> bool:
    """End an application that the need's owner does not take; `reason` may be a code of ours."""
    view = await queries.lock_claim_for(session, SYSTEM, agreement.claim_id)
    agreement.answer_id = answer_id
    if view.claim.state != S.APPLIED:
        return False
    await apply_move(session, SYSTEM, view, S.DECLINED, reason)
    return True
