"""Claims as the cards of a list, with their hours and the moves that one side has."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from app.domain.claims import queries
from app.domain.claims.clocks import BEATING, next_steps
from app.domain.claims.conversation import unread_in
from app.domain.claims.rules import CONFIRMABLE, LOGGABLE, Side, possible_moves
from app.domain.needs.rules import is_filled
from app.infra import clock
from app.models.claims import LIVE_STATES, Claim, ClaimState
from app.models.identity import Account
from app.models.needs import Need, NeedState, Stream
from app.pages.clock_words import words_of, zone_of
from app.pages.dependencies import Db, Visit
from app.pages.elsewhere import elsewhere_of, told_reason
from app.pages.forms import Form
from app.pages.views import ClaimCard, ElsewhereView, LogView, Move

# In these states the organisation has said something that the worker should read.
TOLD = frozenset(
    {
        ClaimState.DECLINED, ClaimState.RELEASED, ClaimState.CHANGES_REQUESTED,
        ClaimState.DISPUTED, ClaimState.REJECTED,
    }
)  # fmt: skip


async def claim_cards(
    db: Db,
    visit: Visit,
    rows: Sequence[tuple[Claim, Need]],
    sides: frozenset[Side],
    people: Mapping[UUID, Account] | None = None,
) -> list[ClaimCard]:
    """Return the cards of some claims, as seen from one side."""
    minutes = await queries.minutes_logged(db, [claim.id for claim, _ in rows])
    due = await next_steps(db, rows)
    zone = await zone_of(db, visit)
    unread = await unread_in(db, visit.actor, [claim.id for claim, _ in rows])
    far = await elsewhere_of(db, [claim for claim, _ in rows])
    members = await queries.of_own_members(db, [claim.id for claim, _ in rows])
    booked = await queries.disputed_in_book(db, [claim for claim, _ in rows])
    cards = [
        await _card(db, claim, need, sides, minutes.get(claim.id, 0), people or {})
        for claim, need in rows
    ]
    return [
        replace(
            card,
            reason=told_reason(visit.language, card.reason),
            elsewhere=far.get(claim.id),
            need_title=_title(need, far.get(claim.id)),
            next_step=words_of(visit.language, due.get(claim.id), zone),
            unread=unread.get(claim.id, 0),
            moves=_without_dispute(card.moves) if claim.id in booked else card.moves,
            booked_at=booked.get(claim.id),
            of_member=claim.id in members,
        )
        for card, (claim, need) in zip(cards, rows, strict=True)
    ]


def _title(need: Need, far: ElsewhereView | None) -> str:
    """Return what a claim is about, also after its need was taken back elsewhere."""
    gone = need.origin_url is not None and need.state is NeedState.WITHDRAWN
    return far.need_title if gone and far is not None else need.title


async def _card(
    db: Db,
    claim: Claim,
    need: Need,
    sides: frozenset[Side],
    minutes: int,
    people: Mapping[UUID, Account],
) -> ClaimCard:
    worker = people.get(claim.account_id)
    worker_side = Side.WORKER in sides
    return ClaimCard(
        id=claim.id,
        state=claim.state.value,
        need_id=need.id,
        need_title=need.title,
        need_language=need.language,
        organisation_name=need.organisation_name,
        minutes_logged=minutes,
        note=claim.note,
        reason=await _last_reason(db, claim),
        worker_name=worker.display_name if worker else "",
        worker_handle=worker.handle if worker else "",
        stream="gift" if need.stream is Stream.GIFT else "livelihood",
        logs=await _logs(db, claim) if minutes else (),
        moves=_moves(claim, sides),
        can_log=worker_side and claim.state in LOGGABLE,
        can_confirm=not worker_side and claim.state in CONFIRMABLE,
        asks_reason=True,
        can_keep=worker_side and claim.state in BEATING,
        lapsed=claim.state is ClaimState.LAPSED,
        live=claim.state in LIVE_STATES,
        can_take_up=worker_side and need.state is NeedState.OPEN and not is_filled(need),
    )


def _moves(claim: Claim, sides: frozenset[Side]) -> list[Move]:
    def label(to: ClaimState) -> str:
        again = to is ClaimState.ACTIVE and claim.state is not ClaimState.ACCEPTED
        return "page.claim.to.active_again" if again else f"page.claim.to.{to.value}"

    return [Move(to.value, label(to)) for to in possible_moves(claim, sides, clock.now())]


def _without_dispute(moves: Sequence[Move]) -> list[Move]:
    return [move for move in moves if move.to != ClaimState.DISPUTED]


async def _last_reason(db: Db, claim: Claim) -> str:
    if claim.state not in TOLD:
        return ""
    rows = await queries.history_of(db, claim.id)
    return rows[-1].reason if rows else ""


async def _logs(db: Db, claim: Claim) -> list[LogView]:
    return [
        LogView(log.id, log.worked_on, log.minutes, log.note)
        for log in await queries.work_logs_of(db, claim.id)
    ]


def minutes_of(form: Form) -> int | str:
    """Add hours and minutes; what is no number is left for the model to refuse."""
    hours, minutes = form.value("hours") or "0", form.value("minutes") or "0"
    plain = all(part.isascii() and part.isdigit() and len(part) < 5 for part in (hours, minutes))
    return int(hours) * 60 + int(minutes) if plain else f"{hours}:{minutes}"
