"""Who sits on a panel: drawn by lot from those who are no party, so that anybody can check it.

The pool of a seat is the nearest tier with somebody in it: members of the organisation, then
stewards, then members of other accepted organisations; members only from before the claim. Of the
pool, whoever has the smallest SHA-256 of "seed:number:account" sits (`rules.draw_key`); seed,
number, tier, size and the first of the pool are kept with the seat.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, func, literal, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.claims import queries
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import PANEL_ANSWER, seats_wanted
from app.infra import clock, ids
from app.models.claims import (
    ClaimHistory,
    ClaimState,
    DrawTier,
    Panel,
    PanelCause,
    PanelSeat,
    SeatState,
)
from app.models.identity import Account
from app.models.organisations import Membership, Organisation, OrganisationState

POOL_KEPT = 20
# Whoever moved a claim to one of these has taken a side.
TOOK_SIDES = (
    ClaimState.DISPUTED,
    ClaimState.CHANGES_REQUESTED,
    ClaimState.CONFIRMED,
    ClaimState.REJECTED,
)


async def begin_panel(
    session: AsyncSession, actor: Actor, view: ClaimView, cause: PanelCause
) -> Panel:
    """Open a panel on a locked claim and draw its members, as many as there are."""
    panel = Panel(
        id=ids.private_id(),
        claim_id=view.claim.id,
        cause=cause,
        seed=ids.secret_token(),
        opened_by=actor.account_id,
    )
    session.add(panel)
    await session.flush()  # seats refer to it
    await draw_missing(session, actor, view, panel)
    return panel


async def draw_missing(
    session: AsyncSession, actor: Actor, view: ClaimView, panel: Panel
) -> Sequence[PanelSeat]:
    """Draw those whom a panel still needs; fewer where nobody is left who is no party."""
    seats = await queries.seats_of(session, panel.id)
    given = [queries.verdict_in(seat) for seat in seats if seat.state == SeatState.DECIDED]
    waiting = sum(seat.state == SeatState.DRAWN for seat in seats)
    drawn: list[PanelSeat] = []
    for _ in range(seats_wanted(given, waiting)):
        seat = await _draw(session, view, panel, len(seats) + len(drawn) + 1)
        if seat is None:
            break
        drawn.append(seat)
        record(
            session,
            actor,
            "panel.drawn",
            panel.id,
            panel_id=str(panel.id),
            claim_id=str(view.claim.id),
            need_id=str(view.need.id),
            organisation_id=str(view.need.organisation_id),
            answer_by=seat.answer_by.isoformat(),
            tell=[str(seat.account_id)],
        )
    return drawn


async def _draw(
    session: AsyncSession, view: ClaimView, panel: Panel, number: int
) -> PanelSeat | None:
    parties = await _parties(session, view)
    for tier in DrawTier:
        rows = await _pool(session, view, tier, parties, f"{panel.seed}:{number}:")
        if not rows:
            continue
        now = clock.now()
        seat = PanelSeat(
            id=ids.private_id(),
            panel_id=panel.id,
            account_id=rows[0][0],
            number=number,
            tier=tier,
            pool_size=rows[0][1],
            pool_head=[str(account_id) for account_id, _ in rows],
            drawn_at=now,
            answer_by=now + PANEL_ANSWER,
        )
        session.add(seat)
        await session.flush()  # the next draw must not find the same person
        return seat
    return None


async def _parties(session: AsyncSession, view: ClaimView) -> set[UUID]:
    """Return all who may not judge: the worker, whoever took a side, whoever was drawn before."""
    claim = view.claim
    sides = select(ClaimHistory.account_id).where(
        ClaimHistory.claim_id == claim.id, col(ClaimHistory.to_state).in_(TOOK_SIDES)
    )
    drawn = select(PanelSeat.account_id).where(
        PanelSeat.panel_id == Panel.id, Panel.claim_id == claim.id
    )
    found = {*(await session.exec(sides)).all(), *(await session.exec(drawn)).all()}
    return {person for person in (*found, claim.account_id, claim.offer_by) if person is not None}


async def _pool(
    session: AsyncSession, view: ClaimView, tier: DrawTier, parties: set[UUID], salt: str
) -> Sequence[tuple[UUID, int]]:
    """Return the first of those who may be drawn, in the order of the draw, each with the size."""
    key = func.encode(
        func.sha256(func.convert_to(literal(salt).concat(cast(Account.id, String)), "UTF8")),
        "hex",
    )
    statement = (
        select(Account.id, func.count().over())
        .where(
            col(Account.disabled_at).is_(None),
            col(Account.limited_at).is_(None),
            col(Account.silent).is_(False),
            col(Account.id).not_in(parties),
            _apart_from(parties),
            _belongs(view, tier),
        )
        .order_by(key)
        .limit(POOL_KEPT)
    )
    return [(row[0], row[1]) for row in await session.exec(statement)]


def _apart_from(parties: set[UUID]) -> ColumnElement[bool]:
    """Nobody with the mail address of a party: one person may have several accounts."""
    theirs = select(func.lower(Account.email)).where(
        col(Account.id).in_(parties), col(Account.email).is_not(None)
    )
    return or_(col(Account.email).is_(None), func.lower(Account.email).not_in(theirs))


def _belongs(view: ClaimView, tier: DrawTier) -> ColumnElement[bool]:
    """Of members those who were it before the claim: nobody takes judges in for a dispute."""
    if tier == DrawTier.STEWARDS:
        return col(Account.steward).is_(True)
    members, own = select(Membership.account_id), aliased(Membership)
    members = members.where(col(Membership.created_at) <= view.claim.created_at)
    if tier == DrawTier.ORGANISATION:
        members = members.where(Membership.organisation_id == view.need.organisation_id)
    else:
        members = members.where(
            Membership.organisation_id == Organisation.id,
            Organisation.state == OrganisationState.ACCEPTED,
            col(Membership.account_id).not_in(
                select(own.account_id).where(own.organisation_id == view.need.organisation_id)
            ),
        )
    return col(Account.id).in_(members)
