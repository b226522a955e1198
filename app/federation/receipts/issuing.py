"""Issuing receipts: what follows from a confirmation, at once with telling the peer it is for.

A reaction to "claim.confirmed" and "claim.rejected". It reads the claim as it stands under its
lock, so it may run late or twice: a claim has one valid receipt, and that says what is confirmed.
"""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.claims.agreements import agreement_of
from app.domain.ledger import queries as ledger
from app.domain.receipts import actions, queries
from app.domain.receipts.actions import Work
from app.domain.receipts.rules import Signed, hours_text
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.post import Said, send_ordered, write_events
from app.federation.receipts.reading import verify_receipt
from app.federation.wire.context import NATIVE_CONTEXT
from app.federation.wire.problems import OBJECT_GONE, OBJECT_MISSING, RefusedError
from app.federation.wire.receipts import (
    RECEIPT_CONTEXT,
    RECEIPT_TYPE,
    CreateReceipt,
    DeleteReceipt,
    ReceiptDocument,
    ReceiptTombstone,
)
from app.infra import clock
from app.infra.data_integrity import ASSERTION, sign
from app.infra.ids import private_id
from app.infra.runtime import Runtime
from app.infra.strict_json import parse_json
from app.models.activity import Activity
from app.models.claims import Claim, ClaimState
from app.models.federation import Peer
from app.models.needs import Need
from app.models.organisations import Organisation
from app.models.receipts import Receipt, ReceiptSource, ReceiptState

MOMENT = "%Y-%m-%dT%H:%M:%SZ"


async def settle_receipt(session: AsyncSession, runtime: Runtime, claim_id: UUID) -> None:
    """Make the receipt of a claim say what is confirmed by now, and send it to who is party."""
    claim = await session.get(Claim, claim_id, with_for_update=True, populate_existing=True)
    if claim is None or claim.state not in {ClaimState.CONFIRMED, ClaimState.REJECTED}:
        return  # in dispute again: what was said stands until people have decided
    ours = await our_identity(session, runtime)
    work = await _work(session, claim)

    def write(work: Work, before: Receipt | None) -> Signed:
        return sign_receipt(ours, work, before)

    changed = await actions.settle(session, claim_id, work, write)
    if changed is not None:
        shared = await agreement_of(session, claim_id)
        if shared is not None:
            shared.receipt_url = changed.url
        await _send(session, ours, changed)


async def send_again(session: AsyncSession, runtime: Runtime, claim_id: UUID) -> None:
    """Send the receipt of a claim once more, to a peer that seems to have lost it."""
    for receipt in await queries.receipts_of_claim(session, claim_id):
        if receipt.state != ReceiptState.REPLACED:
            await _send(session, await our_identity(session, runtime), receipt)


async def resume(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    """Send a peer that we hear again what stands between us: it may have been told in vain."""
    ours = await our_identity(session, runtime)
    for receipt in await queries.receipts_of_peer(session, activity.object_id):
        await _send(session, ours, receipt)


async def receipt_for_peer(
    session: AsyncSession, runtime: Runtime, receipt_id: UUID, peer_id: UUID
) -> bytes:
    """Return a receipt of ours to the one peer that is party to it; gone when it was revoked."""
    url = f"{runtime.origin}/receipts/{receipt_id}"
    receipt = await queries.receipt_by_url(session, url)
    if receipt is None or receipt.source != ReceiptSource.ISSUED or receipt.peer_id != peer_id:
        raise RefusedError(OBJECT_MISSING)
    if receipt.state == ReceiptState.REVOKED:
        raise RefusedError(OBJECT_GONE)
    return receipt.document


def sign_receipt(ours: Identity, work: Work, before: Receipt | None) -> Signed:
    """Write and sign a receipt; a correction keeps the opaque id and names what it replaces."""
    kept = before.subject if before is not None else f"{ours.origin}/members/{private_id()}"
    moment = clock.now().strftime(MOMENT)
    fulfills = work.agreement or f"{ours.origin}/claims/{work.claim_id}"
    document = {
        "@context": RECEIPT_CONTEXT,
        "id": f"{ours.origin}/receipts/{private_id()}",
        "type": RECEIPT_TYPE,
        "issuer": ours.actor_url,
        "validFrom": moment,
        "credentialSubject": {
            "id": work.subject or kept,
            "fulfills": f"{fulfills}#primary",
            "need": f"{ours.origin}/needs/{work.need_id}",
            "hours": hours_text(work.minutes),
            "stream": work.stream,
            "workedOn": work.worked_on.isoformat(),
            "organisation": work.organisation,
        },
    }
    if before is not None:
        document["replaces"] = before.url
    options = {
        "created": moment,
        "verificationMethod": ours.signer.key_id,
        "proofPurpose": ASSERTION,
    }
    signed = sign(document, ours.signer.private_key, options)
    # What we would refuse ourselves never leaves: the reader is the test of the writer.
    return verify_receipt(signed, lambda *_: [ours.public_key], clock.now())


async def _work(session: AsyncSession, claim: Claim) -> Work | None:
    """Gather what a receipt says of a claim; None where nothing is confirmed."""
    entry = await ledger.standing_entry(session, claim)
    if claim.state != ClaimState.CONFIRMED or entry is None or not claim.confirmed_minutes:
        return None
    need = await session.get_one(Need, claim.need_id)
    organisation = (
        await session.get(Organisation, need.organisation_id) if need.organisation_id else None
    )
    shared = await agreement_of(session, claim.id)
    party: dict[str, Any] = {"account_id": claim.account_id}
    if shared is not None:
        # The account is a guest's, of this one claim: whose it is only their instance knows.
        party = {
            "subject": shared.provider_url,
            "peer_id": shared.peer_id,
            "agreement": shared.agreement_url,
        }
    return Work(
        claim_id=claim.id,
        need_id=need.id,
        organisation_id=need.organisation_id,
        organisation=organisation.name if organisation else need.organisation_name,
        minutes=claim.confirmed_minutes,
        stream=(await ledger.stream_of(session, entry.entry_id)).value,
        worked_on=entry.worked_on,
        **party,
    )


async def _send(session: AsyncSession, ours: Identity, receipt: Receipt) -> None:
    peer = await session.get(Peer, receipt.peer_id) if receipt.peer_id else None
    if peer is None:
        return
    said = Said(_message(ours, receipt, peer), receipt.url, 1)
    await send_ordered(session, peer.id, await write_events(session, [said]))


def _message(ours: Identity, receipt: Receipt, peer: Peer) -> CreateReceipt | DeleteReceipt:
    frame = {
        "context": NATIVE_CONTEXT,
        "id": ours.new_id("activities"),
        "actor": ours.actor_url,
        "to": peer.actor_url,
        "published": clock.now(),
    }
    if receipt.state == ReceiptState.REVOKED:
        gone = ReceiptTombstone(id=receipt.url, deleted=clock.now())
        return DeleteReceipt.model_validate({**frame, "object": gone})
    document = ReceiptDocument(
        id=receipt.url,
        attributedTo=ours.actor_url,
        context=receipt.agreement,
        credential=parse_json(receipt.document),
    )
    return CreateReceipt.model_validate({**frame, "object": document})
