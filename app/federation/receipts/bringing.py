"""Receipts that people bring from elsewhere, and whose they are.

A receipt names an opaque id, so a file proves that work was done and not that its bearer did it.
What proves that is a bundle: the instance that gave out the ids signs, for a one-time code of this
instance and for this instance alone, that the person with the code is the one with the ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.receipts import actions, queries
from app.errors import AppError
from app.federation.peers.identity import our_identity
from app.federation.receipts.issuers import ask_for_keys, keys_of_issuer
from app.federation.receipts.known_keys import KnownKey, finder
from app.federation.receipts.reading import (
    ReceiptRefusedError,
    is_bundle,
    is_receipt,
    read_file,
    receipts_in,
    verify_bundle,
    verify_receipt,
)
from app.federation.wire.addresses import AddressError, normal_origin, origin_of
from app.federation.wire.receipts import BUNDLE_MAX, BUNDLE_TYPE, CREDENTIALS_V2
from app.infra import clock
from app.infra.data_integrity import AUTHENTICATION, sign
from app.infra.ids import private_id
from app.infra.runtime import Runtime
from app.infra.strict_json import parse_json
from app.models.receipts import Receipt

STRANGERS_MAX = 3
MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Brought:
    """What became of one receipt in a file: kept, known already, or refused with a code."""

    receipt: Receipt | None = None
    new: bool = False
    refused: str = ""


@dataclass(frozen=True)
class Checked:
    """How a receipt stands when it is looked at anew; `code` is "valid" or why it is not."""

    code: str
    at: datetime


async def bring(
    session: AsyncSession, runtime: Runtime, actor: Actor, raw: bytes
) -> Sequence[Brought]:
    """Take in a file that somebody brings; each receipt in it is judged by itself.

    Raises ReceiptRefusedError when the file as a whole says nothing that we believe.
    """
    actor.require_session()
    document = read_file(raw)
    inside = receipts_in(document)
    if len(inside) > BUNDLE_MAX:
        raise ReceiptRefusedError("too_large")
    issuers = [_actor_in(each, "issuer") for each in inside]
    if is_bundle(document):
        issuers.insert(0, _actor_in(document, "holder"))
    known = await _gather_keys(session, runtime, issuers)
    proven_origin = await _prove_owner(session, runtime, actor, document, known)
    return [await _take(session, actor, each, known, proven_origin) for each in inside]


async def _take(
    session: AsyncSession, actor: Actor, document: Any, known: list[KnownKey], proven_origin: str
) -> Brought:
    if is_receipt(document) and not any(key.issuer == document.get("issuer") for key in known):
        # The same for an address that is none and for one that does not answer: nobody learns
        # from us what is there.
        return Brought(refused="no_key")
    try:
        signed = verify_receipt(document, finder(known), clock.now())
    except ReceiptRefusedError as error:
        return Brought(refused=error.code)
    giver = await queries.account_of_subject(session, signed.subject)
    if giver is not None and giver != actor.account_id:
        return Brought(refused="of_another")
    try:
        proven = giver is not None or proven_origin == origin_of(signed.subject)
        async with session.begin_nested():
            receipt, new = await actions.show(session, actor, signed, proven=proven)
    except AppError as error:
        return Brought(refused=error.code.removeprefix("receipt_"))
    return Brought(receipt, new)


async def _prove_owner(
    session: AsyncSession, runtime: Runtime, actor: Actor, document: Any, known: list[KnownKey]
) -> str:
    """Return the origin that vouches for the bearer, or nothing; a broken bundle is refused."""
    if not is_bundle(document):
        return ""
    proof = document.get("proof")
    code = proof.get("challenge") if isinstance(proof, dict) else None
    domain = runtime.origin if code is not None else None
    # The signature first: a code is not used up by a file that proves nothing.
    bundle = verify_bundle(document, finder(known), clock.now(), challenge=code, domain=domain)
    if code is None:
        return ""
    await actions.use_code(session, actor, code)
    return origin_of(bundle.holder)


async def _gather_keys(
    session: AsyncSession, runtime: Runtime, issuers: Sequence[str]
) -> list[KnownKey]:
    """Find the keys of all issuers in a file; few strangers are asked, each once."""
    found: list[KnownKey] = []
    asked = 0
    for issuer in dict.fromkeys(filter(None, issuers)):
        keys = await keys_of_issuer(session, runtime, issuer)
        if keys is None and asked < STRANGERS_MAX:
            asked += 1
            keys = await ask_for_keys(session, runtime, issuer)
        found.extend(keys or ())
    return found


def _actor_in(document: Any, name: str) -> str:
    """Return the issuer or holder that a file names, if it could be one; not believed yet."""
    issuer = document.get(name) if isinstance(document, dict) else None
    try:
        named = isinstance(issuer, str) and issuer == f"{origin_of(issuer)}/actor"
    except AddressError:
        return ""
    return str(issuer) if named else ""


async def check(session: AsyncSession, runtime: Runtime, receipt: Receipt) -> Checked:
    """Look at a held receipt anew: its signature, its key, and what its issuer has said since."""
    now = clock.now()
    stored = KnownKey(receipt.issuer, receipt.key_id, receipt.public_key)
    listed = await keys_of_issuer(session, runtime, receipt.issuer) or ()
    # A key that the issuer no longer lists takes nothing from what it signed.
    known = [key for key in listed if key.public_key == receipt.public_key] or [stored]
    try:
        verify_receipt(parse_json(receipt.document), finder(known), now)
    except ReceiptRefusedError as error:
        return Checked(error.code, now)
    return Checked(receipt.state.value, now)


async def make_bundle(
    session: AsyncSession, runtime: Runtime, actor: Actor, code: str = "", reader: str = ""
) -> dict[str, Any]:
    """Return all receipts about somebody's ids here, signed; for a code and a reader if named."""
    ours = await our_identity(session, runtime)
    receipts = await queries.own_receipts(session, actor, runtime.origin)
    options = {
        "created": clock.now().strftime(MOMENT),
        "verificationMethod": ours.signer.key_id,
        "proofPurpose": AUTHENTICATION,
    }
    if code or reader:
        options |= {"challenge": code, "domain": normal_origin(reader)}
    document = {
        "@context": [CREDENTIALS_V2],
        "id": f"{ours.origin}/bundles/{private_id()}",
        "type": BUNDLE_TYPE,
        "holder": ours.actor_url,
        "verifiableCredential": [parse_json(receipt.document) for receipt in receipts],
    }
    return sign(document, ours.signer.private_key, options)
