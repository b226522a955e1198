"""Receipts of peers: what their organisations confirmed of our members' work.

Only the owner of an agreement with us confirms it. A receipt is proven twice: the message by the
peer's signature, and the document in it by its own, which is what stays.
"""

from typing import Any

from app.domain.claims import agreements as shared
from app.domain.claims.remote import confirm_by_receipt
from app.domain.receipts import actions, queries
from app.domain.receipts.actions import Party
from app.domain.receipts.rules import Signed
from app.errors import ConflictError
from app.federation.entries import Entry, Step
from app.federation.receipts.issuers import keys_of_issuer
from app.federation.receipts.known_keys import finder
from app.federation.receipts.reading import ReceiptRefusedError, verify_receipt
from app.federation.verification import VerifiedMessage
from app.federation.wire.addresses import origin_of
from app.federation.wire.problems import (
    ID_REUSE,
    NOT_AUTHORISED,
    OBJECT_MISSING,
    RULE,
    RefusedError,
)
from app.federation.wire.receipts import CreateReceipt, DeleteReceipt
from app.federation.work_reports import MINUTES_MAX
from app.infra import clock
from app.models.agreements import Agreement
from app.models.claims import Claim, Elsewhere
from app.models.federation import Peer, PeerState


async def check_receipt(at: Step, verified: VerifiedMessage, document: CreateReceipt) -> None:
    """A receipt is its sender's own, well signed, about an agreement that we have with it."""
    if document.to != at.our_actor:
        raise RefusedError(RULE, "to somebody else")
    signed = await _prove(at, verified.peer, document)
    known = await _agreement(at, verified.peer, document.object.context)
    _check_agreement(signed, known)


async def apply_receipt(at: Step, document: CreateReceipt) -> bool:
    """Keep the receipt with its key, and confirm the claim by it."""
    signed = await _prove(at, at.peer, document)
    known = await _agreement(at, at.peer, document.object.context)
    _check_agreement(signed, known)
    claim = await at.session.get_one(Claim, known.claim_id)
    party = Party(claim.account_id, at.peer.id, document.object.context, claim.id)
    try:
        kept = await actions.receive(at.session, signed, party)
    except ConflictError as error:
        raise RefusedError(ID_REUSE, error.code) from error
    if kept is None:
        return False
    if kept.replaced_by is None:
        await confirm_by_receipt(at.session, claim.id, signed.minutes, signed.url)
    return True


async def check_deletion(at: Step, verified: VerifiedMessage, document: DeleteReceipt) -> None:
    """Only who issued a receipt takes it back."""
    if document.to != at.our_actor:
        raise RefusedError(RULE, "to somebody else")
    if origin_of(document.object.id) != verified.peer.origin:
        raise RefusedError(NOT_AUTHORISED, "a receipt of somebody else")


async def apply_deletion(at: Step, document: DeleteReceipt) -> bool:
    """Mark the receipt as taken back; it stays with who holds it, and proves nothing."""
    return await actions.withdraw(at.session, document.object.id, at.peer.id) is not None


async def _prove(at: Step, peer: Peer, document: CreateReceipt) -> Signed:
    about = document.object
    credential_id = about.credential.get("id")
    if about.attributedTo != peer.actor_url or about.id != credential_id:
        raise RefusedError(NOT_AUTHORISED, "a receipt of somebody else")
    keys = await keys_of_issuer(at.session, at.runtime, peer.actor_url)
    try:
        signed = verify_receipt(about.credential, finder(keys or ()), clock.now())
    except ReceiptRefusedError as error:
        raise RefusedError(RULE, f"receipt: {error.code}") from error
    if signed.issuer != peer.actor_url:
        raise RefusedError(NOT_AUTHORISED, "issued by somebody else")
    return signed


async def _agreement(at: Step, peer: Peer, address: str) -> Agreement:
    known = await shared.find_by_agreement(at.session, peer.id, address, Elsewhere.NEED)
    if known is None:
        raise RefusedError(OBJECT_MISSING, "no such agreement with this peer")
    return known


def _check_agreement(signed: Signed, known: Agreement) -> None:
    if signed.agreement != f"{known.agreement_url}#primary":
        raise RefusedError(NOT_AUTHORISED, "a receipt of another agreement")
    if signed.minutes > MINUTES_MAX:
        raise RefusedError(RULE, "not a possible number of hours")
    if signed.subject != known.provider_url or signed.need != known.need_url:
        raise RefusedError(NOT_AUTHORISED, "a receipt of somebody else's work")


async def _is_receipt(_: Step, activity: dict[str, Any]) -> bool:
    about = activity.get("object")
    return isinstance(about, dict) and "credential" in about


async def _is_of_receipt(at: Step, activity: dict[str, Any]) -> bool:
    """A tombstone is of a receipt when it says so, or when we hold one under its address."""
    about = activity.get("object")
    if not isinstance(about, dict):
        return False
    address = about.get("id")
    held = isinstance(address, str) and await queries.receipt_by_url(at.session, address)
    return about.get("formerType") == "Document" or bool(held)


_ACTIVE = frozenset({PeerState.ACTIVE})
ENTRIES = (
    Entry(
        ("Create", "Document"),
        CreateReceipt,
        _ACTIVE,
        check_receipt,
        apply_receipt,
        repeatable=True,
        mine=_is_receipt,
    ),
    Entry(
        ("Delete", "Tombstone"),
        DeleteReceipt,
        _ACTIVE,
        check_deletion,
        apply_deletion,
        mine=_is_of_receipt,
    ),
)
