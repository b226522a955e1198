"""Reading claims. `get_claim_for` is the only door to one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, text, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.claims import errors
from app.domain.claims.policy import sides_of
from app.domain.claims.rules import Side, Verdict, WorkerLoad
from app.domain.needs.clocks import AGES_OUT
from app.domain.needs.queries import lock_need, need_membership
from app.domain.organisations.errors import members_only
from app.domain.organisations.policy import may_see_members
from app.domain.organisations.queries import get_organisation_for, membership
from app.errors import InvalidError, NotFoundError
from app.infra import clock
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.claims import (
    LIVE_STATES,
    ONE_LIVE,
    Claim,
    ClaimHistory,
    ClaimState,
    Panel,
    PanelSeat,
    Resolution,
    WorkLog,
)
from app.models.disputes import Dispute
from app.models.ledger import Book, Entry
from app.models.needs import Need
from app.models.organisations import Membership

# Ends that are told to the two parties for a while, and then to nobody.
AGING = (ClaimState.LAPSED, ClaimState.RELEASED, ClaimState.WITHDRAWN)


@dataclass(frozen=True)
class WantedClaims:
    """Which claims of an organisation are wanted, and whether who waits longest comes first."""

    states: Sequence[ClaimState] = tuple(ClaimState)
    oldest_first: bool = False


@dataclass(frozen=True)
class ClaimView:
    """A claim with its need and the sides on which the asker stands."""

    claim: Claim
    need: Need
    sides: frozenset[Side]


async def get_claim_for(session: AsyncSession, actor: Actor, claim_id: UUID) -> ClaimView:
    """Return a claim to its two parties; everybody else learns nothing."""
    claim = await session.get(Claim, claim_id)
    return await _view(session, actor, None if claim and _aged_out(claim) else claim)


async def lock_claim_for(session: AsyncSession, actor: Actor, claim_id: UUID) -> ClaimView:
    """As `get_claim_for`, holding the need's row and then the claim's, always in this order."""
    before = await get_claim_for(session, actor, claim_id)
    await lock_need(session, before.need.id)
    claim = await session.get(Claim, claim_id, with_for_update=True, populate_existing=True)
    return await _view(session, actor, claim)


async def _view(session: AsyncSession, actor: Actor, claim: Claim | None) -> ClaimView:
    if claim is None:
        raise errors.claim_not_found()
    need = await session.get_one(Need, claim.need_id)
    sides = sides_of(actor, claim, await need_membership(session, actor, need))
    if not sides:
        raise errors.claim_not_found()
    return ClaimView(claim, need, sides)


def _aged_out(claim: Claim) -> bool:
    return claim.state in AGING and claim.updated_at <= clock.now() - AGES_OUT


def _shown() -> ColumnElement[bool]:
    """A place that was given back or lapsed follows nobody: after a while it is not shown."""
    recent = col(Claim.updated_at) > clock.now() - AGES_OUT
    return or_(col(Claim.state).not_in(AGING), recent)


async def claims_of_worker(
    session: AsyncSession, account_id: UUID, limit: int, cursor: str | None
) -> Page[tuple[Claim, Need]]:
    """Return one's own claims with their needs, newest first."""
    statement = select(Claim, Need).where(
        Claim.account_id == account_id, Claim.need_id == Need.id, _shown(), *_before(cursor)
    )
    return await _page(session, statement, limit)


async def claims_of_need(
    session: AsyncSession, need_id: UUID, limit: int, cursor: str | None
) -> Page[tuple[Claim, Need]]:
    """Return the claims on a need, newest first."""
    statement = select(Claim, Need).where(
        Claim.need_id == need_id, Claim.need_id == Need.id, _shown(), *_before(cursor)
    )
    return await _page(session, statement, limit)


async def claims_of_organisation(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    wanted: WantedClaims,
    limit: int,
    cursor: str | None,
) -> Page[tuple[Claim, Need]]:
    """Return to members the claims in some states on all their needs."""
    await get_organisation_for(session, actor, organisation_id)
    own = await membership(session, organisation_id, actor.account_id)
    if not may_see_members(actor, own):
        actor.signed_in()
        raise members_only()
    statement = select(Claim, Need).where(
        Claim.need_id == Need.id,
        Need.organisation_id == organisation_id,
        col(Claim.state).in_(wanted.states),
        _shown(),
        *_before(cursor, oldest_first=wanted.oldest_first),
    )
    return await _page(session, statement, limit, oldest_first=wanted.oldest_first)


async def _page(
    session: AsyncSession, statement: object, limit: int, *, oldest_first: bool = False
) -> Page[tuple[Claim, Need]]:
    order = [col(Claim.created_at), col(Claim.id)]
    ordered = statement.order_by(  # type: ignore[attr-defined]
        *(order if oldest_first else [each.desc() for each in order])
    ).limit(limit + 1)
    rows = [tuple(row) for row in (await session.exec(ordered)).all()]
    return cut_page(
        rows, limit, lambda row: encode_cursor(row[0].created_at.isoformat(), row[0].id)
    )


def _before(cursor: str | None, *, oldest_first: bool = False) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    try:
        at, last = decode_cursor(cursor, 2)
        moment, last_id = datetime.fromisoformat(at or ""), UUID(last or "")
    except ValueError:
        raise InvalidError("cursor_invalid") from None
    place = tuple_(col(Claim.created_at), col(Claim.id))
    here = tuple_(moment, last_id)
    return [place > here if oldest_first else place < here]


async def own_claims(
    session: AsyncSession, account_id: UUID | None, need_ids: Sequence[UUID]
) -> dict[UUID, Claim]:
    """Return one's own claims that count (alive, or confirmed work) on some needs, by need."""
    if account_id is None or not need_ids:
        return {}
    statement = select(Claim).where(
        Claim.account_id == account_id, col(Claim.need_id).in_(need_ids), text(f"({ONE_LIVE})")
    )
    return {claim.need_id: claim for claim in await session.exec(statement)}


async def applied_within_day(session: AsyncSession, account_id: UUID, need_id: UUID) -> int:
    """Count how often somebody applied to a need in the last 24 hours, whatever came of it."""
    statement = select(func.count()).where(
        Claim.account_id == account_id,
        Claim.need_id == need_id,
        col(Claim.created_at) > clock.now() - timedelta(days=1),
    )
    return int((await session.exec(statement)).one())


async def load_of(session: AsyncSession, account_id: UUID) -> WorkerLoad:
    """Count what a worker waits for, holds and has had confirmed."""
    was_confirmed = col(Claim.confirmed_at).is_not(None)
    statement = (
        select(Claim.state, was_confirmed, func.count())
        .where(Claim.account_id == account_id)
        .group_by(col(Claim.state), was_confirmed)
    )
    pending = live = confirmed = 0
    for state, before, count in await session.execute(statement):
        if state == ClaimState.APPLIED:
            pending += count
        elif state == ClaimState.CONFIRMED or before:  # disputed again: it was done all the same
            confirmed += count
        elif state in LIVE_STATES:
            live += count
    return WorkerLoad(pending, live, confirmed)


async def members_of(session: AsyncSession, need: Need) -> Sequence[UUID]:
    """Return the accounts of those who answer for a need."""
    statement = select(Membership.account_id).where(
        Membership.organisation_id == need.organisation_id
    )
    return (await session.exec(statement)).all()


async def history_of(session: AsyncSession, claim_id: UUID) -> Sequence[ClaimHistory]:
    """Return the moves of a claim, oldest first."""
    statement = (
        select(ClaimHistory).where(ClaimHistory.claim_id == claim_id).order_by(col(ClaimHistory.id))
    )
    return (await session.exec(statement)).all()


async def seats_of(session: AsyncSession, panel_id: UUID) -> Sequence[PanelSeat]:
    """Return everybody who was drawn for a panel, in the order of the draws."""
    statement = (
        select(PanelSeat).where(PanelSeat.panel_id == panel_id).order_by(col(PanelSeat.number))
    )
    return (await session.exec(statement)).all()


async def seat_of(session: AsyncSession, panel_id: UUID, account_id: UUID) -> PanelSeat | None:
    """Return somebody's seat on a panel."""
    statement = select(PanelSeat).where(
        PanelSeat.panel_id == panel_id, PanelSeat.account_id == account_id
    )
    return (await session.exec(statement.execution_options(populate_existing=True))).first()


def verdict_in(seat: PanelSeat) -> Verdict:
    """Return what a member who decided has decided."""
    return Verdict(seat.resolution or Resolution.REJECTED, seat.minutes or 0)


async def panels_on(session: AsyncSession, claim_id: UUID) -> Sequence[Panel]:
    """Return the panels that a claim has had, oldest first."""
    statement = select(Panel).where(Panel.claim_id == claim_id).order_by(col(Panel.opened_at))
    return (await session.exec(statement)).all()


async def open_panel_of(session: AsyncSession, claim_id: UUID) -> Panel | None:
    """Return the panel that a claim is before."""
    statement = select(Panel).where(Panel.claim_id == claim_id, col(Panel.closed_at).is_(None))
    return (await session.exec(statement)).first()


async def lock_panel(
    session: AsyncSession, actor: Actor, panel_id: UUID
) -> tuple[ClaimView, Panel]:
    """Lock a panel's claim as `lock_claim_for` does, and read the panel anew."""
    before = await session.get(Panel, panel_id)
    if before is None:
        raise errors.panel_not_found()
    view = await lock_claim_for(session, actor, before.claim_id)
    return view, await session.get_one(Panel, panel_id, populate_existing=True)


async def work_logs_of(session: AsyncSession, claim_id: UUID) -> Sequence[WorkLog]:
    """Return the work logged on a claim, by day."""
    statement = (
        select(WorkLog)
        .where(WorkLog.claim_id == claim_id)
        .order_by(col(WorkLog.worked_on), col(WorkLog.created_at))
    )
    return (await session.exec(statement)).all()


async def minutes_logged(session: AsyncSession, claim_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the sum of logged minutes of some claims."""
    if not claim_ids:
        return {}
    statement = (
        select(WorkLog.claim_id, func.sum(WorkLog.minutes))
        .where(col(WorkLog.claim_id).in_(claim_ids))
        .group_by(col(WorkLog.claim_id))
    )
    return {row[0]: int(row[1]) for row in await session.execute(statement)}


async def minutes_on_day(session: AsyncSession, account_id: UUID, day: date) -> int:
    """Return what a worker logged on a day, all claims together."""
    statement = select(func.coalesce(func.sum(WorkLog.minutes), 0)).where(
        WorkLog.claim_id == Claim.id, Claim.account_id == account_id, WorkLog.worked_on == day
    )
    return int((await session.exec(statement)).one())


async def get_work_log(session: AsyncSession, claim_id: UUID, log_id: UUID) -> WorkLog:
    """Return a work log of a claim."""
    found = await session.get(WorkLog, log_id)
    if found is None or found.claim_id != claim_id:
        raise NotFoundError("work_log_not_found")
    return found


async def of_own_members(session: AsyncSession, claim_ids: Sequence[UUID]) -> set[UUID]:
    """Return the claims whose worker belongs to the organisation that asked."""
    statement = select(Claim.id).where(
        col(Claim.id).in_(claim_ids),
        Claim.need_id == Need.id,
        Membership.organisation_id == Need.organisation_id,
        Membership.account_id == Claim.account_id,
    )
    return set((await session.exec(statement)).all()) if claim_ids else set()


async def disputed_in_book(session: AsyncSession, claims: Iterable[Claim]) -> dict[UUID, UUID]:
    """Return the claims that `is_disputed_in_book` is true of, with the entry that stands."""
    confirmed = [claim for claim in claims if claim.confirmed_at is not None]
    wanted = [claim.id for claim in confirmed if await is_disputed_in_book(session, claim)]
    if not wanted:
        return {}
    statement = (
        select(Entry)
        .where(col(Entry.claim_id).in_(wanted), col(Entry.dispute_id).is_(None))
        .order_by(col(Entry.id))
    )
    found = (await session.exec(statement)).all()
    return {entry.claim_id: entry.entry_id for entry in found if entry.claim_id is not None}


async def is_disputed_in_book(session: AsyncSession, claim: Claim) -> bool:
    """Say whether credited work is disputed in the book and no longer at the claim.

    That is so in a book that worker-owners keep. Whoever works from another instance has no way
    into it and disputes the claim, unless somebody disputed its entry already.
    """
    credited = select(Entry.id).where(Entry.claim_id == claim.id)
    kept = credited.where(Entry.book_id == Book.id, col(Book.ownership_since).is_not(None))
    disputed = credited.where(Dispute.entry_id == Entry.entry_id)
    wanted = kept if claim.elsewhere is None and claim.confirmed_at is not None else disputed
    return (await session.exec(wanted.limit(1))).first() is not None
