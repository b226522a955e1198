"""Writing the ledger. Entries are only ever added; the database refuses everything else."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied, Scope
from app.domain.claims import actions as claims
from app.domain.claims import queries as claim_queries
from app.domain.claims.days import check_claim, lock_days
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import CONTESTED, Verdict, verdict_of
from app.domain.ledger import errors, queries
from app.domain.ledger.keeping import same_person
from app.domain.ledger.policy import may_confirm
from app.domain.ledger.posting import NewEntry, book_of, post_entry
from app.domain.ledger.rules import contribution_sides, opposite
from app.domain.needs import actions as needs
from app.domain.needs.queries import has_claim_in
from app.infra import clock
from app.models.claims import LIVE_STATES, ClaimState, Panel, Resolution, SeatState
from app.models.ledger import Entry, EntryKind, WorkStream
from app.models.needs import Need, Stream


@dataclass(frozen=True)
class Ruling:
    """Who decided about a claim's work, never the worker, and in which stream it counts.

    No stream: the one in which it stands in the book already, or the need's own.
    """

    verdict: Verdict
    recorded_by: UUID
    stream: WorkStream | None = None
    panel: Panel | None = None


async def confirm_contribution(
    session: AsyncSession, actor: Actor, claim_id: UUID, minutes: int, stream: WorkStream
) -> tuple[ClaimView, Entry]:
    """Confirm submitted work: the claim moves and the entry is posted, both or neither.

    In a dispute a member may give in and confirm all of it; for less, the worker has to agree.
    """
    account_id = actor.require(Scope.CLAIMS_WRITE)
    _check_confirmable(await claim_queries.get_claim_for(session, actor, claim_id))
    view = await claim_queries.lock_claim_for(session, actor, claim_id)
    _check_confirmable(view)
    logged = await logged_minutes(session, claim_id)
    if not 1 <= minutes <= logged:
        raise errors.confirmation_minutes(logged)
    if view.claim.state in CONTESTED:
        await check_no_judge(session, account_id, claim_id)
        if minutes != logged:
            raise errors.settlement_needed()
    entry = await conclude(
        session, actor, view, Ruling(verdict_of(minutes, logged), account_id, stream)
    )
    if entry is None:
        raise errors.confirmation_state(view.claim.state)
    return view, entry


async def logged_minutes(session: AsyncSession, claim_id: UUID) -> int:
    """Return what was logged on a claim."""
    return (await claim_queries.minutes_logged(session, [claim_id])).get(claim_id, 0)


async def check_no_judge(session: AsyncSession, account_id: UUID, claim_id: UUID) -> None:
    """Whoever sits on the claim's panel decides there, and not for a side as well."""
    panel = await claim_queries.open_panel_of(session, claim_id)
    seat = await claim_queries.seat_of(session, panel.id, account_id) if panel else None
    if seat is not None and seat.state in {SeatState.DRAWN, SeatState.DECIDED}:
        raise errors.confirmation_refused("panel_member_decides_there")


def _check_confirmable(view: ClaimView) -> None:
    decision = may_confirm(view.claim, view.sides)
    if not isinstance(decision, Denied):
        return
    if decision.conflict:
        raise errors.confirmation_state(view.claim.state)
    raise errors.confirmation_refused(decision.code)


async def conclude(
    session: AsyncSession, actor: Actor, view: ClaimView, ruling: Ruling
) -> Entry | None:
    """Carry out what people decided of a locked claim, in the book and on the claim at once.

    What stands in the book already stays where the outcome is the same; otherwise it is taken
    back by an entry of its own, and the new outcome follows. Returns the entry that stands.
    """
    claim, verdict = view.claim, ruling.verdict
    if await same_person(session, ruling.recorded_by, [claim.account_id]):
        raise errors.confirmation_refused("confirmation_own")
    await lock_days(session, {claim.account_id})
    await check_claim(session, claim, verdict.minutes)
    standing = await queries.standing_entry(session, claim)
    contested = claim.state in CONTESTED
    if standing is None or claim.confirmed_minutes != verdict.minutes:
        taken_back = await _take_back(session, actor, standing, ruling) if standing else None
        standing = await _credit(session, actor, view, ruling, taken_back)
    rejected = verdict.resolution == Resolution.REJECTED
    claim.confirmed_minutes = None if rejected else verdict.minutes
    claim.confirmed_at = None if rejected else claim.confirmed_at or clock.now()
    claim.resolution = verdict.resolution if contested else None
    if ruling.panel is not None:
        ruling.panel.resolution, ruling.panel.minutes = verdict.resolution, verdict.minutes
    to = ClaimState.REJECTED if rejected else ClaimState.CONFIRMED
    await claims.apply_move(session, actor, view, to)
    if not rejected:
        await close_need_when_done(session, actor, view.need)
    return standing


async def _take_back(session: AsyncSession, actor: Actor, entry: Entry, ruling: Ruling) -> Entry:
    """Post the opposite of an entry; the database lets nothing correct the same entry twice."""
    new = NewEntry(
        EntryKind.CORRECTION,
        entry.worked_on,
        ruling.recorded_by,
        claim_id=entry.claim_id,
        corrects=entry.entry_id,
        panel_id=ruling.panel.id if ruling.panel else None,
    )
    lines = opposite(await queries.lines_of(session, entry.entry_id))
    return await post_entry(session, actor, entry.book_id, new, lines)


async def _credit(
    session: AsyncSession,
    actor: Actor,
    view: ClaimView,
    ruling: Ruling,
    taken_back: Entry | None,
) -> Entry | None:
    if ruling.verdict.minutes == 0:  # nothing is written of nothing
        return None
    organisation_id = view.need.organisation_id
    if organisation_id is None:  # a mirrored need has no claims of ours
        raise errors.book_not_found()
    book_id = await book_of(session, organisation_id)
    stream = await _stream(session, view.need, ruling, taken_back)
    logs = await claim_queries.work_logs_of(session, view.claim.id)
    new = NewEntry(
        EntryKind.CORRECTION if taken_back else EntryKind.CONTRIBUTION,
        logs[-1].worked_on,
        ruling.recorded_by,
        claim_id=view.claim.id,
        corrects=taken_back.entry_id if taken_back else None,
        panel_id=ruling.panel.id if ruling.panel else None,
    )
    lines = contribution_sides(
        view.claim.account_id, organisation_id, ruling.verdict.minutes, stream
    )
    return await post_entry(session, actor, book_id, new, lines)


async def _stream(
    session: AsyncSession, need: Need, ruling: Ruling, taken_back: Entry | None
) -> WorkStream:
    if ruling.stream is not None:
        return ruling.stream
    if taken_back is not None:
        return await queries.stream_of(session, taken_back.entry_id)
    return WorkStream.GIFT if need.stream == Stream.GIFT else WorkStream.LIVELIHOOD


async def close_need_when_done(session: AsyncSession, actor: Actor, need: Need) -> None:
    """A need is done when all its places ended in confirmed work."""
    if need.taken < need.places:
        return
    await session.flush()  # the claim's new state counts below
    if not await has_claim_in(session, need, LIVE_STATES):
        needs.close_when_done(session, actor, need)
