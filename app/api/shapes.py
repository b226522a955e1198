"""From what the domain returns to what the API answers, where more than one route does it."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.api.need_shapes import memberships
from app.api.schemas.claims import (
    ClaimElsewhere,
    ClaimMove,
    ClaimNeed,
    ClaimShape,
    ClaimWorker,
    ConfirmationShape,
    JudgementShape,
    NextStep,
    OfferShape,
    PanelBrief,
    PanelNeed,
    PanelReason,
    PanelShape,
    WorkLogShape,
)
from app.domain.access import Actor, Denied
from app.domain.claims import queries as claims
from app.domain.claims.agreements import Shared, shared_by
from app.domain.claims.clocks import BEATING, next_steps
from app.domain.claims.conversation import unread_in
from app.domain.claims.panels import PanelView
from app.domain.claims.policy import may_offer, sides_of
from app.domain.claims.rules import (
    PANEL_SIZE,
    SAID_OF_WORK,
    awaited_of,
    disputable_until,
    possible_moves,
    reason_shown,
    without_dispute,
)
from app.domain.identity.queries import accounts_by_id
from app.domain.ledger.policy import may_confirm
from app.domain.ledger.queries import entry_of_claim
from app.infra import clock
from app.models.claims import Claim, Panel, SeatState
from app.models.identity import Account
from app.models.needs import Need
from app.models.organisations import Membership


async def claim_shapes(
    session: AsyncSession, actor: Actor, rows: Sequence[tuple[Claim, Need]]
) -> list[ClaimShape]:
    """Shape claims for one of their parties, without history."""
    accounts = await accounts_by_id(session, [claim.account_id for claim, _ in rows])
    minutes = await claims.minutes_logged(session, [claim.id for claim, _ in rows])
    places = await memberships(session, actor)
    due = await next_steps(session, rows)
    own = [c.id for c, n in rows if c.account_id == actor.account_id or n.organisation_id in places]
    unread = await unread_in(session, actor, own)
    shared = await shared_by(session, [claim.id for claim, _ in rows if claim.elsewhere])
    booked = await claims.disputed_in_book(session, [claim for claim, _ in rows])
    members = await claims.of_own_members(session, [claim.id for claim, _ in rows])
    shapes = []
    for claim, need in rows:
        shape = _claim_shape(actor, claim, need, accounts, minutes.get(claim.id, 0), places)
        if step := due.get(claim.id):
            shape.next_step = NextStep(code=step.code, at=step.at)
        shape.may_keep = claim.account_id == actor.account_id and claim.state in BEATING
        shape.unread = unread.get(claim.id, 0)
        shape.worker_is_member = claim.id in members
        shape.elsewhere = _elsewhere(shared.get(claim.id))
        if entry_id := booked.get(claim.id):
            shape.disputed_at_entry, shape.disputable_until = entry_id, None
            shape.possible_transitions = without_dispute(shape.possible_transitions)
        shapes.append(shape)
    return shapes


def _claim_shape(
    actor: Actor,
    claim: Claim,
    need: Need,
    accounts: dict[UUID, Account],
    minutes: int,
    places: dict[UUID, Membership],
) -> ClaimShape:
    own = places.get(need.organisation_id) if need.organisation_id else None
    sides = sides_of(actor, claim, own)
    worker = accounts[claim.account_id]
    return ClaimShape(
        id=claim.id,
        need=ClaimNeed.model_validate(need),
        worker=ClaimWorker(
            account_id=worker.id, handle=worker.handle, display_name=worker.display_name
        ),
        kind=claim.kind,
        state=claim.state,
        note=claim.note,
        minutes_logged=minutes,
        possible_transitions=possible_moves(claim, sides, clock.now()),
        may_confirm=not isinstance(may_confirm(claim, sides), Denied),
        may_settle=not isinstance(may_offer(claim, sides), Denied),
        awaited_of=awaited_of(claim),
        resolution=claim.resolution,
        offer=_offer(claim),
        disputable_until=disputable_until(claim),
        created_at=claim.created_at,
        updated_at=claim.updated_at,
        version=claim.version,
    )


async def claim_shape(session: AsyncSession, actor: Actor, claim: Claim, need: Need) -> ClaimShape:
    """Shape one claim with its history and confirmation."""
    await session.flush()  # the history and entry just written are read below
    (shape,) = await claim_shapes(session, actor, [(claim, need)])
    moves = await claims.history_of(session, claim.id)
    people = await accounts_by_id(session, [m.account_id for m in moves if m.account_id])
    shape.history = [
        ClaimMove(
            from_state=move.from_state,
            to_state=move.to_state,
            reason=move.reason if reason_shown(move.to_state, move.at, clock.now()) else "",
            at=move.at,
            by=people[move.account_id].display_name if move.account_id in people else "",
        )
        for move in moves
    ]
    shape.panels = [
        await _panel_brief(session, panel) for panel in await claims.panels_on(session, claim.id)
    ]
    entry = await entry_of_claim(session, claim.id, actor.account_id)
    if entry is not None and claim.confirmed_minutes is not None:
        shape.confirmation = ConfirmationShape(
            minutes=claim.confirmed_minutes,
            stream=entry.stream,
            entry_id=entry.entry_id,
            at=entry.recorded_at,
        )
    return shape


def _elsewhere(found: Shared | None) -> ClaimElsewhere | None:
    if found is None:
        return None
    return ClaimElsewhere(
        part=found.elsewhere,
        instance=found.host,
        exchanging=found.talking,
        answer_by=found.agreement.answer_by,
        shown_name=found.agreement.shown_name,
        contacts=found.agreement.contacts,
    )


def _offer(claim: Claim) -> OfferShape | None:
    if claim.offer_minutes is None:
        return None
    return OfferShape(
        minutes=claim.offer_minutes, by="worker" if claim.offer_by_worker else "organisation"
    )


async def _panel_brief(session: AsyncSession, panel: Panel) -> PanelBrief:
    """Shape a panel for the parties: who decided what is told once it is closed."""
    seats = await claims.seats_of(session, panel.id)
    return PanelBrief(
        cause=panel.cause,
        opened_at=panel.opened_at,
        closed_at=panel.closed_at,
        drawn=sum(seat.state in {SeatState.DRAWN, SeatState.DECIDED} for seat in seats),
        decided=sum(seat.state == SeatState.DECIDED for seat in seats),
        resolution=panel.resolution,
        minutes=panel.minutes,
        judgements=await _judgements(session, panel) if panel.resolution else [],
    )


async def _judgements(
    session: AsyncSession, panel: Panel, but: UUID | None = None
) -> list[JudgementShape]:
    seats = [
        seat
        for seat in await claims.seats_of(session, panel.id)
        if seat.state == SeatState.DECIDED and seat.account_id != but
    ]
    people = await accounts_by_id(session, [seat.account_id for seat in seats])
    return [
        JudgementShape(
            by=people[seat.account_id].display_name, minutes=seat.minutes or 0, reason=seat.reason
        )
        for seat in seats
    ]


async def panel_shape(session: AsyncSession, view: PanelView) -> PanelShape:
    """Shape a panel for one who sits on it: the work, what both sides said of it, and that is all.

    What the others decided is shown once one has decided oneself, or was drawn because they differ.
    """
    await session.flush()  # what was just decided is read below
    claim, seat = view.claim, view.seat
    workers = await accounts_by_id(session, [claim.account_id])
    moves = await claims.history_of(session, claim.id)
    logs = [WorkLogShape.model_validate(log) for log in view.logs]
    others = await _judgements(session, view.panel, but=seat.account_id)
    shown = seat.state == SeatState.DECIDED or len(others) >= PANEL_SIZE
    return PanelShape(
        id=view.panel.id,
        cause=view.panel.cause,
        answer_by=seat.answer_by,
        closed=view.panel.closed_at is not None,
        need=PanelNeed.model_validate(view.need),
        worker=ClaimWorker(
            account_id=claim.account_id,
            handle=workers[claim.account_id].handle,
            display_name=workers[claim.account_id].display_name,
        ),
        minutes_logged=sum(log.minutes for log in logs),
        work_logs=logs,
        reasons=[
            PanelReason(
                by=_side_of(claim, move.account_id),
                to=move.to_state,
                reason=move.reason,
                at=move.at,
            )
            for move in moves
            if move.reason and move.to_state in SAID_OF_WORK
        ],
        my_minutes=seat.minutes,
        my_reason=seat.reason,
        others=others if shown else [],
    )


def _side_of(claim: Claim, account_id: UUID | None) -> Literal["worker", "organisation", "nobody"]:
    if account_id is None:
        return "nobody"
    return "worker" if account_id == claim.account_id else "organisation"
