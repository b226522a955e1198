"""Taking the steps that are due on claims. Safe to run twice, at once, and after any crash.

Candidates are read without locks, and each need's are taken in a transaction of its own that
locks as every mover does: the need's row first, the claims' after it. What somebody else holds is
left for the next round; what was done meanwhile is seen under the lock. A step's row is written
with its effect, so neither is ever there without the other.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import DateTime, Uuid, bindparam, text, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.activity.clocks import NOTHING, steps_taken, take_step
from app.domain.claims import panels
from app.domain.claims.actions import apply_move
from app.domain.claims.clocks import HEARTBEAT_LINK, next_of
from app.domain.claims.queries import ClaimView, members_of
from app.domain.claims.rules import Side
from app.domain.letters.actions import revoke_links
from app.domain.needs import actions as needs
from app.domain.needs.clocks import UNANSWERED, Due
from app.domain.needs.holding import pauses_of
from app.domain.needs.rules import is_filled
from app.domain.organisations.queries import get_organisation
from app.infra import clock
from app.models.agreements import Agreement
from app.models.claims import Claim, ClaimState, Elsewhere, PanelCause
from app.models.needs import Need, NeedState

CANDIDATES_MAX = 500
RETRY_AFTER = timedelta(minutes=15)
LOOK_AGAIN = text("UPDATE claims SET clock_at = :at WHERE id = :claim").bindparams(
    bindparam("claim", type_=Uuid()), bindparam("at", type_=DateTime(timezone=True))
)
_log = structlog.get_logger("app.clocks")


@dataclass(frozen=True)
class Candidate:
    """A claim that its clock may want: where the list of them went on from, and its need."""

    at: datetime
    claim_id: UUID
    need_id: UUID


async def due_claims(session: AsyncSession, after: Candidate | None) -> Sequence[Candidate]:
    """Return claims whose clock may want something, the longest waiting first."""
    statement = (
        select(Claim.clock_at, Claim.id, Claim.need_id)
        .where(col(Claim.clock_at) <= clock.now())
        .order_by(col(Claim.clock_at), col(Claim.id))
        .limit(CANDIDATES_MAX)
    )
    if after is not None:
        place = tuple_(col(Claim.clock_at), col(Claim.id))
        statement = statement.where(place > tuple_(after.at, after.claim_id))
    return [Candidate(*row) for row in await session.execute(statement)]


async def turn_claims(session: AsyncSession, need_id: UUID, claim_ids: Sequence[UUID]) -> int:
    """Take what is due on some claims of one need; answers how many steps were taken."""
    need = await _lock(session, need_id)
    if need is None:
        return 0
    if need.organisation_id is None:
        return await turn_elsewhere(session, need, claim_ids)
    statement = (
        select(Claim)
        .where(col(Claim.id).in_(claim_ids), col(Claim.clock_at) <= clock.now())
        .order_by(col(Claim.id))
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    claims = (await session.exec(statement)).all()
    zone = (await get_organisation(session, need.organisation_id)).time_zone
    before = await steps_taken(session, [claim.id for claim in claims])
    pauses = (await pauses_of(session, [need.id])).get(need.id, ())
    views = [ClaimView(claim, need, frozenset({Side.SYSTEM})) for claim in claims]
    look_at: dict[UUID, datetime | None] = {}
    taken = 0
    for view in views:
        claim_id = view.claim.id
        due = next_of(view.claim, need, zone, before.get(claim_id, NOTHING), pauses)
        look_at[claim_id] = due.at if due else None
        if due is not None and due.at <= clock.now():
            steps, look_at[claim_id] = await _try(session, views, view, zone)
            taken += steps
    await _look_again(session, look_at)
    return taken


async def turn_elsewhere(session: AsyncSession, need: Need, claim_ids: Sequence[UUID]) -> int:
    """Look at claims on a need that lives elsewhere: its owner's clocks run, not ours.

    Only an offer that nobody answered in time is over here as well, whatever the reason.
    """
    statement = (
        select(Claim, Agreement.answer_by)
        .join(Agreement, col(Agreement.claim_id) == col(Claim.id))
        .where(col(Claim.id).in_(claim_ids), col(Claim.clock_at) <= clock.now())
        .order_by(col(Claim.id))
        .with_for_update(skip_locked=True, key_share=True, of=Claim)
        .execution_options(populate_existing=True)
    )
    look_at: dict[UUID, datetime | None] = {}
    for claim, answer_by in (await session.exec(statement)).all():
        waits = claim.state == ClaimState.APPLIED
        look_at[claim.id] = answer_by if waits and answer_by > clock.now() else None
        if waits and answer_by <= clock.now():
            view = ClaimView(claim, need, frozenset({Side.SYSTEM}))
            await apply_move(session, SYSTEM, view, ClaimState.EXPIRED)
    await _look_again(session, look_at)
    return sum(at is None for at in look_at.values())


async def _try(
    session: AsyncSession, views: Sequence[ClaimView], view: ClaimView, zone: str
) -> tuple[int, datetime | None]:
    """Take the steps of one claim; its fault must not hold up the others of the need."""
    claim_id = view.claim.id
    try:
        async with session.begin_nested():
            return await _turn(session, view, zone)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this claim's
        _log.error("clock failed", claim_id=str(claim_id), error=type(error).__name__)
        for row in (view.need, *(each.claim for each in views)):
            await session.refresh(row)  # the savepoint's end forgot what it had changed
    return 0, clock.now() + RETRY_AFTER


async def _lock(session: AsyncSession, need_id: UUID) -> Need | None:
    """Lock a need as every mover does; rows that only refer to it are in nobody's way."""
    statement = (
        select(Need)
        .where(Need.id == need_id)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).first()


async def _turn(session: AsyncSession, view: ClaimView, zone: str) -> tuple[int, datetime | None]:
    """Take every step of one claim that is due; answers when its clock is looked at next."""
    steps = 0
    while (due := await _next(session, view, zone)) is not None and due.at <= clock.now():
        if not await take_step(session, view.claim.id, due.clock.name, due.step.name, due.since):
            break  # a step is in the table exactly when its effect happened
        await EFFECTS[due.code](session, view, await _after(session, view, zone, due))
        await session.flush()
        steps += 1
    return steps, due.at if due else None


async def _next(session: AsyncSession, view: ClaimView, zone: str) -> Due | None:
    taken = (await steps_taken(session, [view.claim.id])).get(view.claim.id, NOTHING)
    pauses = (await pauses_of(session, [view.need.id])).get(view.need.id, ())
    return next_of(view.claim, view.need, zone, taken, pauses)


async def _after(session: AsyncSession, view: ClaimView, zone: str, due: Due) -> Due:
    """Return the step that follows the one just taken: people are told until when."""
    return await _next(session, view, zone) or replace(due, at=clock.now())


async def _look_again(session: AsyncSession, look_at: Mapping[UUID, datetime | None]) -> None:
    """Say when the clocks are looked at next; after the flush, since a changed state resets it."""
    await session.flush()
    if look_at:
        # With the connection and not the session's models: nothing here reads it again.
        rows = [{"claim": claim_id, "at": at} for claim_id, at in look_at.items()]
        await session.execute(LOOK_AGAIN, rows)


def _tell(
    session: AsyncSession, view: ClaimView, verb: str, people: Sequence[UUID], following: Due
) -> None:
    """Record something about a claim that people are told, and until when they have time."""
    record(
        session,
        SYSTEM,
        verb,
        view.claim.id,
        claim_id=str(view.claim.id),
        need_id=str(view.need.id),
        organisation_id=str(view.need.organisation_id),
        worker_id=str(view.claim.account_id),
        tell=sorted(str(person) for person in people),
        until=following.at.isoformat(),
    )


async def _members(session: AsyncSession, view: ClaimView) -> list[UUID]:
    """Return who answers for the need, without a member whose own claim it is."""
    return [m for m in await members_of(session, view.need) if m != view.claim.account_id]


async def _ask_worker(verb: str, session: AsyncSession, view: ClaimView, following: Due) -> None:
    # A guest's own instance is told, and asks them.
    here = view.claim.elsewhere != Elsewhere.WORKER
    _tell(session, view, verb, [view.claim.account_id] if here else [], following)


async def _ask_start(session: AsyncSession, view: ClaimView, following: Due) -> None:
    await _ask_worker("claim.start_asked", session, view, following)


async def _nudge(session: AsyncSession, view: ClaimView, following: Due) -> None:
    await _ask_worker("claim.nudged", session, view, following)


async def _lapse(session: AsyncSession, view: ClaimView, _: Due) -> None:
    """Free a silent claim's place, for which others are looked for again. Nothing else follows."""
    await apply_move(session, SYSTEM, view, ClaimState.LAPSED)
    await revoke_links(session, HEARTBEAT_LINK, view.claim.id)
    if view.need.state == NeedState.IN_PROGRESS and not is_filled(view.need):
        needs.apply_move(session, SYSTEM, view.need, NeedState.OPEN)
    if view.need.state == NeedState.OPEN and not is_filled(view.need):
        record(
            session,
            SYSTEM,
            "need.place_freed",
            view.need.id,
            need_id=str(view.need.id),
            except_account=str(view.claim.account_id),
        )


async def _remind_answer(session: AsyncSession, view: ClaimView, following: Due) -> None:
    people = await _members(session, view)
    _tell(session, view, "claim.answer_reminded", people, following)


async def _say_slow(session: AsyncSession, view: ClaimView, following: Due) -> None:
    _tell(session, view, "claim.answer_slow", await _members(session, view), following)


async def _free(session: AsyncSession, view: ClaimView, _: Due) -> None:
    """End an application that nobody answered; an open need rests, and all who wait are free."""
    if view.need.state != NeedState.OPEN:
        await apply_move(session, SYSTEM, view, ClaimState.EXPIRED)
        return
    needs.apply_move(session, SYSTEM, view.need, NeedState.PAUSED, UNANSWERED)
    statement = (
        select(Claim)
        .where(Claim.need_id == view.need.id, Claim.state == ClaimState.APPLIED)
        .order_by(col(Claim.id))
        .with_for_update()
    )
    for claim in (await session.exec(statement)).all():
        other = ClaimView(claim, view.need, view.sides)
        await apply_move(session, SYSTEM, other, ClaimState.EXPIRED)
    record(
        session,
        SYSTEM,
        "need.paused_unanswered",
        view.need.id,
        need_id=str(view.need.id),
        organisation_id=str(view.need.organisation_id),
        tell=sorted(str(person) for person in await members_of(session, view.need)),
    )


async def _remind_confirmation(session: AsyncSession, view: ClaimView, following: Due) -> None:
    people = await _members(session, view)
    _tell(session, view, "claim.confirmation_reminded", people, following)


async def _open_panel(session: AsyncSession, view: ClaimView, following: Due) -> None:
    """Work that nobody answers goes to two who are no party; silence confirms nothing.

    Nobody is drawn about a guest's work, whose side is on another instance: ours are asked again.
    """
    if view.claim.elsewhere is not None:
        await _remind_confirmation(session, view, following)
        return
    await panels.open_panel(session, SYSTEM, view.claim.id, PanelCause.UNANSWERED)


async def _close_window(session: AsyncSession, view: ClaimView, following: Due) -> None:
    _tell(session, view, "claim.dispute_window_closed", [], following)


Effect = Callable[[AsyncSession, ClaimView, Due], Awaitable[None]]
EFFECTS: Mapping[str, Effect] = {
    "start_ask": _ask_start,
    "start_lapse": _lapse,
    "heartbeat_nudge": _nudge,
    "heartbeat_lapse": _lapse,
    "answer_remind": _remind_answer,
    "answer_slow": _say_slow,
    "answer_free": _free,
    "confirm_remind": _remind_confirmation,
    "confirm_panel": _open_panel,
    "dispute_close": _close_window,
}
