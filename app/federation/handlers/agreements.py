"""Claims that two instances share, as the other side speaks of them.

Each side speaks only of what is its own: the need's instance of the agreement, the worker's of
the offer and the report. Nothing here reaches an object of a third instance.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from app.domain.claims import agreements as shared
from app.domain.claims import remote
from app.domain.claims.conversation import take_message
from app.domain.claims.remote import Day, Offered, Reported, Stands
from app.errors import AppError
from app.federation import agreements
from app.federation.entries import Entry, Step
from app.federation.handlers.needs import line_of, text_of
from app.federation.peers.audience import is_visible
from app.federation.peers.stewarding import takes_claims
from app.federation.verification import VerifiedMessage
from app.federation.wire import agreements as wire
from app.federation.wire.addresses import has_room, origin_of
from app.federation.wire.needs import minutes_in
from app.federation.wire.problems import (
    NOT_AUTHORISED,
    OBJECT_MISSING,
    RULE,
    STATE_CONFLICT,
    RefusedError,
)
from app.federation.work_reports import minutes_of, minutes_worked
from app.infra import clock
from app.models.agreements import Agreement
from app.models.claims import ClaimState, Elsewhere
from app.models.federation import Peer, PeerState
from app.models.needs import Need

S = ClaimState
STATES: dict[wire.AgreementStatus, ClaimState] = {
    "accepted": S.ACCEPTED,
    "active": S.ACTIVE,
    "submitted": S.SUBMITTED,
    "changes_requested": S.CHANGES_REQUESTED,
    "disputed": S.DISPUTED,
    "completed": S.CONFIRMED,
    "cancelled": S.RELEASED,
    "lapsed": S.LAPSED,
}
NOTE_MAX, REASON_MAX, NAME_MAX, LETTER_MAX = 4000, 2000, 80, 8000
OFFER_LASTS_MAX = timedelta(days=90)


async def check_offer(at: Step, verified: VerifiedMessage, document: wire.OfferAgreement) -> None:
    """An offer is by a member of its sender, for a need of ours that the sender may see."""
    commitment = document.object.stipulates
    _to_us(at, document.to)
    if not commitment.provider.startswith(f"{verified.peer.origin}/members/"):
        raise RefusedError(NOT_AUTHORISED, "offers somebody of another origin")
    if origin_of(document.id) != verified.peer.origin:
        raise RefusedError(NOT_AUTHORISED, "an offer of another origin")
    if commitment.resourceQuantity is not None:
        minutes_of(commitment.resourceQuantity)
    need = await _need(at, commitment.satisfies)
    if need is None or not is_visible(need, verified.peer, in_any_state=True):
        raise RefusedError(OBJECT_MISSING, "no such need for this peer")
    if document.endTime > clock.now() + OFFER_LASTS_MAX:
        raise RefusedError(RULE, "an offer without end")
    known = await _known(at, verified.peer, document.id, Elsewhere.WORKER)
    if known is None and document.endTime <= clock.now():
        raise RefusedError(RULE, "an offer that is over")


async def apply_offer(at: Step, document: wire.OfferAgreement) -> bool:
    """Take an offer once, and answer it as often as it comes."""
    known = await _known(at, at.peer, document.id, Elsewhere.WORKER)
    if known is not None:
        await agreements.answer_again(at.session, at.runtime, known)
        return False
    if await agreements.was_refused(at.session, at.runtime, document.id):
        await agreements.refuse_offer(at.session, at.runtime, at.peer, document.id, "refused")
        return False
    if not takes_claims(at.peer):
        code = "offers_not_taken"
        await agreements.refuse_offer(at.session, at.runtime, at.peer, document.id, code)
        return True
    commitment = document.object.stipulates
    need = await _need(at, commitment.satisfies)
    offered = Offered(
        peer_id=at.peer.id,
        host=urlsplit(at.peer.origin).netloc,
        offer_url=document.id,
        provider_url=commitment.provider,
        need_url=commitment.satisfies.removesuffix(wire.PRIMARY),
        shown_name=line_of(commitment.name or "")[:NAME_MAX],
        note=text_of(document.object.content or "")[:NOTE_MAX],
        answer_by=document.endTime,
    )
    code = "need_not_open"
    try:
        if need is not None and document.endTime > clock.now():
            async with at.session.begin_nested():
                await remote.take_offer(at.session, need.id, offered)
            return True
    except AppError as error:
        code = error.code
    await agreements.refuse_offer(at.session, at.runtime, at.peer, document.id, code)
    return True


async def check_accept(at: Step, verified: VerifiedMessage, document: wire.AcceptAgreement) -> None:
    """Only an offer that we sent to that instance can be accepted; `mine` has found it."""
    _to_us(at, document.to)
    known = await _known(at, verified.peer, document.object, Elsewhere.NEED)
    if known is None:
        raise RefusedError(STATE_CONFLICT, "accepts an offer that we did not send to them")
    _check_theirs(verified.peer, document.result, known)


async def apply_accept(at: Step, document: wire.AcceptAgreement) -> bool:
    """Our member was accepted; whoever had taken the offer back meanwhile stays out."""
    known = await _known(at, at.peer, document.object, Elsewhere.NEED)
    if known is None:
        return False
    known.agreement_url = known.agreement_url or document.result.id
    known.answer_id = document.id
    return await remote.apply_stands(at.session, known, _stands(document.result))


async def check_reject(at: Step, verified: VerifiedMessage, document: wire.RejectAgreement) -> None:
    """As for an Accept; of a report they say with it how the agreement stands."""
    _to_us(at, document.to)
    known = await _answered(at, verified.peer, document.object)
    if known is None:
        raise RefusedError(STATE_CONFLICT, "rejects what we did not send to them")
    if document.result is not None:
        _check_theirs(verified.peer, document.result, known)
    elif known.report_url == document.object:
        raise RefusedError(RULE, "does not say how the agreement stands")


async def apply_reject(at: Step, document: wire.RejectAgreement) -> bool:
    """Our member's offer was not taken, or their report is disputed: people talk, nothing else."""
    known = await _answered(at, at.peer, document.object)
    if known is None:
        return False
    if document.result is not None:
        return await remote.apply_stands(at.session, known, _stands(document.result))
    reason = text_of(document.content or "")[:REASON_MAX]
    code = f"elsewhere.{document.name}" if document.name and not reason else ""
    return await remote.apply_rejection(at.session, known, document.id, reason or code)


async def check_update(at: Step, verified: VerifiedMessage, document: wire.UpdateAgreement) -> None:
    """Only its owner says how an agreement stands.

    One that we do not know yet may have its Accept still on the way, and is checked again then.
    """
    _to_us(at, document.to)
    known = await _agreed(at, verified.peer, document.object.id)
    _check_theirs(verified.peer, document.object, known)


async def apply_update(at: Step, document: wire.UpdateAgreement) -> bool:
    """Go by what the owner says."""
    known = await _agreed(at, at.peer, document.object.id)
    if known is None:
        return False
    _check_theirs(at.peer, document.object, known)
    return await remote.apply_stands(at.session, known, _stands(document.object))


async def check_report(
    at: Step, verified: VerifiedMessage, document: wire.CreateReport | wire.UpdateReport
) -> None:
    """A report is the sender's own, on an agreement of ours with the sender."""
    said, peer = document.object, verified.peer
    _to_us(at, document.to)
    if said.attributedTo != peer.actor_url or origin_of(said.id) != peer.origin:
        raise RefusedError(NOT_AUTHORISED, "a report of somebody else")
    known = await shared.find_by_agreement(at.session, peer.id, said.context, Elsewhere.WORKER)
    if known is None:
        raise RefusedError(OBJECT_MISSING, "no such agreement with this peer")
    if said.provider != known.provider_url or said.fulfills != f"{said.context}{wire.PRIMARY}":
        raise RefusedError(NOT_AUTHORISED, "a report of another agreement")
    if known.report_url not in {None, said.id}:
        raise RefusedError(STATE_CONFLICT, "a second report on one agreement")
    if not has_room(said.id):
        raise RefusedError(RULE, "an address that leaves no room for its version")
    total = await minutes_worked(at.session, known.claim_id, said)
    if said.effortQuantity is not None and minutes_in(said.effortQuantity) != total:
        raise RefusedError(RULE, "the days do not add up")
    if said.status == "submitted" and not total:
        raise RefusedError(RULE, "handed in without hours")


async def apply_report(at: Step, document: wire.CreateReport | wire.UpdateReport) -> bool:
    """Do what the worker did; where it comes too late, say again how things stand."""
    said = document.object
    known = await shared.find_by_agreement(at.session, at.peer.id, said.context, Elsewhere.WORKER)
    if known is None:
        return False
    known.report_url = said.id
    reported = Reported(
        version=said.version,
        state=ClaimState(said.status),
        reason=text_of(said.content or "")[:REASON_MAX],
        days=[
            Day(
                day.startTime.date(),
                minutes_in(day.effortQuantity),
                text_of(day.content or "")[:REASON_MAX],
            )
            for day in said.attachment
        ],
    )
    if await remote.apply_report(at.session, known, reported):
        return True
    await agreements.answer_again(at.session, at.runtime, known)
    return False


async def check_undo(at: Step, _: VerifiedMessage, document: wire.UndoOffer) -> None:
    """One takes back only one's own offer; `mine` has found it under the sender's name."""
    _to_us(at, document.to)


async def apply_undo(at: Step, document: wire.UndoOffer) -> bool:
    """The worker does not want to, or cannot: the place is free again."""
    known = await _known(at, at.peer, document.object, Elsewhere.WORKER)
    return known is not None and await remote.apply_undo(at.session, known)


async def check_letter(at: Step, verified: VerifiedMessage, document: wire.CreateLetter) -> None:
    """The other side of an agreement writes, and nobody else."""
    said, peer = document.object, verified.peer
    _to_us(at, document.to)
    if said.attributedTo != peer.actor_url or origin_of(said.id) != peer.origin:
        raise RefusedError(NOT_AUTHORISED, "a letter of somebody else")
    if await _between_us(at, peer, said.context) is None:
        raise RefusedError(OBJECT_MISSING, "no such agreement with this peer")


async def apply_letter(at: Step, document: wire.CreateLetter) -> bool:
    """Put what they wrote into the claim's thread, as text."""
    known = await _between_us(at, at.peer, document.object.context)
    text = text_of(document.object.content)[:LETTER_MAX]
    return known is not None and await take_message(at.session, known.claim_id, text)


async def _between_us(at: Step, peer: Peer, agreement_url: str) -> Agreement | None:
    """Find an agreement with a peer, whichever of the two owns it."""
    for elsewhere in Elsewhere:
        found = await shared.find_by_agreement(at.session, peer.id, agreement_url, elsewhere)
        if found is not None:
            return found
    return None


def _to_us(at: Step, to: str) -> None:
    if to != at.our_actor:
        raise RefusedError(RULE, "to somebody else")


async def _need(at: Step, satisfies: str) -> Need | None:
    """Return the need of ours that an address names, if it is one."""
    start = f"{at.runtime.origin}/needs/"
    if not (satisfies.startswith(start) and satisfies.endswith(wire.PRIMARY)):
        return None
    try:
        need_id = UUID(satisfies.removeprefix(start).removesuffix(wire.PRIMARY))
    except ValueError:
        return None
    need = await at.session.get(Need, need_id)
    ours = need is not None and need.origin_url is None and need.published_at is not None
    return need if ours else None


async def _known(at: Step, peer: Peer, offer_url: str, elsewhere: Elsewhere) -> Agreement | None:
    return await shared.find_by_offer(at.session, peer.id, offer_url, elsewhere)


async def _agreed(at: Step, peer: Peer, agreement_url: str) -> Agreement | None:
    return await shared.find_by_agreement(at.session, peer.id, agreement_url, Elsewhere.NEED)


async def _answered(at: Step, peer: Peer, address: str) -> Agreement | None:
    """Find what a Reject is about: an offer of ours to that peer, or a report."""
    return await _known(at, peer, address, Elsewhere.NEED) or await shared.find_by_report(
        at.session, peer.id, address, Elsewhere.NEED
    )


def _check_theirs(peer: Peer, said: wire.Agreement, known: Agreement | None) -> None:
    """An agreement is its owner's: of the sender's origin, about our member and its own need."""
    if said.attributedTo != peer.actor_url or origin_of(said.id) != peer.origin:
        raise RefusedError(NOT_AUTHORISED, "an agreement of somebody else")
    if not has_room(said.id):
        raise RefusedError(RULE, "an address that leaves no room for its parts")
    if known is None:
        return
    if known.agreement_url not in {None, said.id}:
        raise RefusedError(STATE_CONFLICT, "a second agreement for one offer")
    stipulated = said.stipulates
    if stipulated.provider != known.provider_url:
        raise RefusedError(NOT_AUTHORISED, "an agreement with somebody else")
    if stipulated.satisfies != f"{known.need_url}{wire.PRIMARY}":
        raise RefusedError(NOT_AUTHORISED, "an agreement about another need")
    if said.effortQuantity is not None:
        minutes_of(said.effortQuantity)


def _stands(said: wire.Agreement) -> Stands:
    heard = (said.inReplyTo or "").rpartition("#v")[2]
    return Stands(
        version=said.version,
        state=STATES[said.status],
        heard=int(heard) if heard.isascii() and heard.isdigit() and len(heard) < 10 else 0,
        reason=text_of(said.content or "")[:REASON_MAX],
        minutes=minutes_in(said.effortQuantity) if said.effortQuantity else None,
        asked_until=said.endTime,
        contacts=[
            {"kind": each.name, "value": line_of(text_of(each.content))[:500]}
            for each in said.attachment
        ],
    )


async def _answers_an_offer(at: Step, activity: dict[str, Any]) -> bool:
    """An Accept with a result is of an agreement, also when it is of none of ours."""
    if isinstance(activity.get("result"), dict):
        return True
    return await _known(at, at.peer, _address(activity), Elsewhere.NEED) is not None


async def _answers_us(at: Step, activity: dict[str, Any]) -> bool:
    return await _answered(at, at.peer, _address(activity)) is not None


async def _undoes_an_offer(at: Step, activity: dict[str, Any]) -> bool:
    return await _known(at, at.peer, _address(activity), Elsewhere.WORKER) is not None


async def _is_report(_: Step, activity: dict[str, Any]) -> bool:
    about = activity.get("object")
    return isinstance(about, dict) and about.get("name") == "Work report"


async def _is_letter(at: Step, activity: dict[str, Any]) -> bool:
    """Only a note in an agreement is ours; its context is an address of one of the two of us."""
    about = activity.get("object")
    place = about.get("context") if isinstance(about, dict) else None
    starts = (f"{at.runtime.origin}/agreements/", f"{at.peer.origin}/agreements/")
    return isinstance(place, str) and place.startswith(starts)


def _address(activity: dict[str, Any]) -> str:
    about = activity.get("object")
    return about if isinstance(about, str) else ""


_ACTIVE = frozenset({PeerState.ACTIVE})
ENTRIES = (
    Entry(
        ("Offer", "Agreement"),
        wire.OfferAgreement,
        _ACTIVE,
        check_offer,
        apply_offer,
        repeatable=True,
    ),
    Entry(
        ("Accept", ""), wire.AcceptAgreement, _ACTIVE, check_accept, apply_accept,
        mine=_answers_an_offer,
    ),
    Entry(
        ("Reject", ""), wire.RejectAgreement, _ACTIVE, check_reject, apply_reject,
        mine=_answers_us,
    ),
    Entry(("Undo", ""), wire.UndoOffer, _ACTIVE, check_undo, apply_undo, mine=_undoes_an_offer),
    Entry(("Update", "Agreement"), wire.UpdateAgreement, _ACTIVE, check_update, apply_update),
    Entry(
        ("Create", "Document"), wire.CreateReport, _ACTIVE, check_report, apply_report,
        mine=_is_report,
    ),
    Entry(
        ("Create", "Note"), wire.CreateLetter, _ACTIVE, check_letter, apply_letter,
        mine=_is_letter,
    ),
    Entry(
        ("Update", "Document"), wire.UpdateReport, _ACTIVE, check_report, apply_report,
        mine=_is_report,
    ),
)  # fmt: skip
