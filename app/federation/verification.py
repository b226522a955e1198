"""Proving who sent a message. The only maker of VerifiedMessage and VerifiedReader.

Everything after this module takes one of the two, so what is not proven cannot be acted on.
The order is the one in which least is believed: what the envelope alone shows, then whose key
is claimed, then the signature over the raw bytes, then the content, then that it is new.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation import budgets
from app.federation.peers import keyring, queries
from app.federation.peers.actions import new_peer, note_other_key, pin
from app.federation.peers.clocks import trouble_with_clock
from app.federation.peers.discovery import (
    Discovered,
    NotFoundAsPeerError,
    ShownKey,
    discover,
    may_fetch,
)
from app.federation.peers.strangers import may_introduce
from app.federation.rules import Tally
from app.federation.wire import problems
from app.federation.wire.addresses import AddressError, origin_of
from app.federation.wire.context import ACTIVITY_MEDIA_TYPES, NATIVE_CONTEXT
from app.federation.wire.limits import (
    BODY_BYTES_MAX,
    DEPTH_MAX,
    NODES_MAX,
    LimitError,
    check_limits,
)
from app.federation.wire.problems import Problem, RefusedError
from app.federation.wire.tallies import SYNC_HEADER, TallyError, read_tally
from app.infra import clock
from app.infra.canonical import NotCanonicalError, canonical_json
from app.infra.database import transaction
from app.infra.keys import load_public_key
from app.infra.runtime import Runtime
from app.infra.signatures import (
    HttpMessage,
    Proven,
    SignatureRefusedError,
    read_claimed,
    target_uri,
    verify_request,
)
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.federation import Peer, PeerState, SeenNonce

REQUESTS_PENDING_MAX = 200
REQUEST_RETRY_SECONDS = 300
# Whose Offer is a first meeting, whatever we may still hold of them.
STRANGERS = frozenset({PeerState.NONE, PeerState.ENDED})
SIGNATURE_PROBLEMS = {
    "missing": problems.SIGNATURE_MISSING,
    "invalid": problems.SIGNATURE_INVALID,
    "clock": problems.CLOCK_SKEW,
}
_SEQUENCE = re.compile(r'([1-9][0-9]{0,14});epoch="(e-[0-9a-z]{4,32})"')
_MAKER = object()


@dataclass(frozen=True)
class Received:
    """A request as it arrived, raw."""

    method: str
    raw_path: str
    raw_query: str
    header_lines: Sequence[tuple[str, str]]
    body: bytes = b""
    network: str | None = None  # that it came from; None where that tells nothing

    def header(self, name: str) -> str:
        """Return a header's value, or an empty text; several lines are joined."""
        return ", ".join(value for key, value in self.header_lines if key.lower() == name)

    def signed_as(self, origin: str) -> HttpMessage:
        """Return the message that must have been signed: for our origin, not for a Host header."""
        url = target_uri(origin, self.raw_path, self.raw_query)
        return HttpMessage(self.method, url, self.header_lines, self.body)


@dataclass(frozen=True)
class Content:
    """What a message says: as JSON, and in the one spelling that is stored and compared."""

    activity: dict[str, Any]
    activity_id: str
    activity_type: str
    body: bytes
    body_hash: bytes


@dataclass(frozen=True)
class VerifiedMessage:
    """A message that its sender's key has signed, for us, just now, for the first time."""

    peer: Peer
    content: Content
    seq: int | None
    epoch: str
    maker: object
    # Which of its keys; empty for an item of its log, which the answer's signature covers.
    key_id: str = ""
    tally: Tally | None = None

    def __post_init__(self) -> None:
        """Refuse to be made anywhere else."""
        if self.maker is not _MAKER:
            raise AssertionError("only verification makes verified messages")


@dataclass(frozen=True)
class VerifiedReader:
    """A peer that asks to read, proven as above."""

    peer: Peer
    maker: object
    tally: Tally | None = None

    def __post_init__(self) -> None:
        """Refuse to be made anywhere else."""
        if self.maker is not _MAKER:
            raise AssertionError("only verification makes verified readers")


async def verify_message(
    session: AsyncSession, runtime: Runtime, received: Received
) -> VerifiedMessage:
    """Prove a POST to our inbox, or raise the problem that its sender is told."""
    check_envelope(runtime.origin, received)
    key_id, origin = _claimed_origin(received)
    peer = await queries.peer_by_origin(session, origin)
    if peer is not None and peer.state == PeerState.BLOCKED:
        raise RefusedError(problems.OBJECT_MISSING, "blocked")
    if peer is None or peer.state in STRANGERS:
        content = read_content(received.body, origin)
        _check_introduction(content)
        peer, proven = await _meet(session, runtime, received, key_id, peer)
    else:
        proven = await _prove_known(session, runtime, received, peer)
        await budgets.spend(runtime, peer.id, len(received.body))
        content = read_content(received.body, origin)
    if content.activity["actor"] != peer.actor_url:
        raise RefusedError(problems.PRINCIPAL_MISMATCH, "actor is not the key's owner")
    await _take_nonce(session, origin, proven.nonce)
    seq, epoch = _sequence(received)
    return VerifiedMessage(peer, content, seq, epoch, _MAKER, proven.key_id, tally=_tally(received))


async def verify_reader(
    session: AsyncSession, runtime: Runtime, received: Received
) -> VerifiedReader:
    """Prove a signed request of an active peer, or raise the problem that it is told.

    A POST that is no message for the inbox is proven by it as well; its route reads the body.
    """
    _check_host(runtime.origin, received)
    _, origin = _claimed_origin(received)
    peer = await queries.peer_by_origin(session, origin)
    if peer is None or peer.state in STRANGERS:
        raise RefusedError(problems.NOT_PEER)
    if peer.state == PeerState.BLOCKED:
        raise RefusedError(problems.OBJECT_MISSING, "blocked")
    proven = await _prove_known(session, runtime, received, peer)
    await budgets.spend(runtime, peer.id, len(received.body))
    if peer.state != PeerState.ACTIVE:
        raise RefusedError(problem_of_state(peer.state))
    await _take_nonce(session, origin, proven.nonce)
    return VerifiedReader(peer, _MAKER, tally=_tally(received))


def verified_from_log(peer: Peer, body: dict[str, Any], *, seq: int, epoch: str) -> VerifiedMessage:
    """Make a message out of an item of a log page whose answer the peer has signed for us."""
    content = content_of(body, peer.origin)
    if content.activity["actor"] != peer.actor_url:
        raise RefusedError(problems.PRINCIPAL_MISMATCH, "actor is not the log's owner")
    return VerifiedMessage(peer, content, seq, epoch, _MAKER)


def problem_of_state(state: PeerState) -> Problem:
    """Return what a peer is told that we do not listen to at present."""
    return {
        PeerState.SUSPENDED: problems.PEER_SUSPENDED,
        PeerState.KEY_CHANGED: problems.KEY_CHANGED,
    }.get(state, problems.NOT_PEER)


def read_content(body: bytes, origin: str) -> Content:
    """Read what a message says, strictly; nothing here depends on who sent it."""
    try:
        raw = parse_json(body, depth_max=DEPTH_MAX, nodes_max=NODES_MAX)
    except StrictJsonError as error:
        raise RefusedError(problems.MALFORMED, error.code) from error
    return content_of(raw, origin)


def content_of(raw: Any, origin: str) -> Content:
    """Check the frame that all messages share, and that a message speaks of its own origin."""
    if not isinstance(raw, dict):
        raise RefusedError(problems.MALFORMED, "not an object")
    try:
        check_limits(raw)
    except LimitError as error:
        raise RefusedError(problems.MALFORMED, str(error)) from error
    if raw.get("@context") != NATIVE_CONTEXT:
        raise RefusedError(problems.MALFORMED, "another @context")
    activity_id, actor, kind = raw.get("id"), raw.get("actor"), raw.get("type")
    if not (isinstance(activity_id, str) and isinstance(actor, str) and isinstance(kind, str)):
        raise RefusedError(problems.MALFORMED, "id, actor or type is missing")
    try:
        same = origin_of(activity_id) == origin == origin_of(actor)
        body = canonical_json(raw)
    except (AddressError, NotCanonicalError) as error:
        raise RefusedError(problems.MALFORMED, str(error)) from error
    if not same:
        raise RefusedError(problems.PRINCIPAL_MISMATCH, "id or actor of another origin")
    return Content(raw, activity_id, kind, body, hashlib.sha256(body).digest())


def check_envelope(origin: str, received: Received) -> None:
    """Check what the envelope alone shows: for us, of a kind we read, plain and not too large."""
    _check_host(origin, received)
    if received.header("content-encoding") not in {"", "identity"}:
        raise RefusedError(problems.CONTENT_ENCODING)
    kind = received.header("content-type").partition(";")[0].strip().lower()
    if kind not in ACTIVITY_MEDIA_TYPES:
        raise RefusedError(problems.CONTENT_TYPE, kind[:60])
    if len(received.body) > BODY_BYTES_MAX:
        raise RefusedError(problems.TOO_LARGE)


def _check_host(origin: str, received: Received) -> None:
    if received.header("host") != urlsplit(origin).netloc:
        raise RefusedError(problems.WRONG_HOST)


def _claimed_origin(received: Received) -> tuple[str, str]:
    try:
        claimed = read_claimed(received.header_lines)
        return claimed.key_id, origin_of(claimed.key_id)
    except SignatureRefusedError as error:
        raise RefusedError(SIGNATURE_PROBLEMS[error.reason], error.detail) from error
    except AddressError as error:
        raise RefusedError(problems.SIGNATURE_INVALID, "key id is no address") from error


def _check_introduction(content: Content) -> None:
    """Strangers may only propose to become peers."""
    offered = content.activity.get("object")
    kind = offered.get("type") if isinstance(offered, dict) else None
    if (content.activity_type, kind) != ("Offer", "Relationship"):
        raise RefusedError(problems.NOT_PEER, "a stranger")


async def _prove_known(
    session: AsyncSession, runtime: Runtime, received: Received, peer: Peer
) -> Proven:
    message = received.signed_as(runtime.origin)
    accepted = await keyring.accepted_keys(session, peer.id)
    try:
        return keyring.prove_request(message, accepted)
    except SignatureRefusedError as error:
        if error.reason == "invalid":
            _tell_the_candidate(message, peer)
            await _look_for_another_key(runtime, peer, message)
        if error.ahead is not None:
            await _note_their_clock(runtime, peer, error.ahead)
        raise RefusedError(SIGNATURE_PROBLEMS[error.reason], error.detail) from error


async def _note_their_clock(runtime: Runtime, peer: Peer, ahead: timedelta) -> None:
    """Let stewards see that clocks differ; the refusal that follows rolls our transaction back."""
    async with transaction(runtime.sessions) as apart:
        await trouble_with_clock(apart, peer.id, ahead)


def _tell_the_candidate(message: HttpMessage, peer: Peer) -> None:
    """Tell a peer whose new key waits for people that it does; nothing of it is accepted."""
    if peer.state != PeerState.KEY_CHANGED or not peer.candidate_key or not peer.candidate_key_id:
        return
    if _is_signed_with(message, ShownKey(peer.candidate_key_id, peer.candidate_key)):
        raise RefusedError(problems.KEY_CHANGED)


async def _look_for_another_key(runtime: Runtime, peer: Peer, message: HttpMessage) -> None:
    """Ask a peer once in a while which keys it has by now; of a break in them, humans decide.

    That a key is listed says nothing yet: a peer lists the next one before it uses it. In
    transactions of their own: the refusal that follows rolls ours back.
    """
    async with transaction(runtime.sessions) as session:
        if not await may_fetch(session, peer.origin):
            return
    try:
        found = await discover(runtime, peer.origin)
    except NotFoundAsPeerError:
        return
    async with transaction(runtime.sessions) as session:
        accepted = await keyring.accepted_keys(session, peer.id)
        broken = _break_of(found, accepted, message)
        if broken is None:
            await keyring.end_missing(session, peer.id, found)
            return
        await note_other_key(session, peer.id, broken)
    raise RefusedError(problems.KEY_CHANGED)


def _break_of(
    found: Discovered, accepted: keyring.Accepted, message: HttpMessage
) -> ShownKey | None:
    """Return a key that a peer goes by though no accepted one vouches for it."""
    known = {(key_id, key.public_bytes_raw()) for key_id, key in accepted.items()}
    new = [key for key in found.keys if (key.key_id, key.raw) not in known]
    if len(new) == len(found.keys):
        return new[0]
    return next((key for key in new if _is_signed_with(message, key)), None)


def _is_signed_with(message: HttpMessage, shown: ShownKey) -> bool:
    try:
        verify_request(message, load_public_key(shown.raw), shown.key_id, now=clock.now())
    except SignatureRefusedError:
        return False
    return True


async def _meet(
    session: AsyncSession, runtime: Runtime, received: Received, key_id: str, known: Peer | None
) -> tuple[Peer, Proven]:
    """Prove a stranger's proposal by the key that its own origin shows."""
    origin = origin_of(key_id)
    if await queries.count_requests(session) >= REQUESTS_PENDING_MAX:
        raise RefusedError(problems.RATE_LIMIT, retry_after_seconds=REQUEST_RETRY_SECONDS)
    if not await may_introduce(runtime, origin, received.network):
        raise RefusedError(problems.RATE_LIMIT, retry_after_seconds=REQUEST_RETRY_SECONDS)
    try:
        found = await discover(runtime, origin)
    except NotFoundAsPeerError as error:
        raise RefusedError(problems.SIGNATURE_INVALID, "the key is not to be had") from error
    shown = found.key(key_id)
    if shown is None:
        raise RefusedError(problems.SIGNATURE_INVALID, "not a key its actor shows")
    proven = _prove_stranger(received.signed_as(runtime.origin), shown)
    if known is None:
        return await new_peer(session, found, shown), proven
    peer = await queries.lock_peer(session, known.id)
    await pin(session, peer, found, shown)
    return peer, proven


def _prove_stranger(message: HttpMessage, shown: ShownKey) -> Proven:
    try:
        return verify_request(message, load_public_key(shown.raw), shown.key_id, now=clock.now())
    except SignatureRefusedError as error:
        raise RefusedError(SIGNATURE_PROBLEMS[error.reason], error.detail) from error


async def _take_nonce(session: AsyncSession, origin: str, nonce: str) -> None:
    """Remember a nonce under its origin; the second use of one is a replay."""
    taken = await session.execute(
        insert(SeenNonce)
        .values(origin=origin, nonce=nonce, at=clock.now())
        .on_conflict_do_nothing()
        .returning(col(SeenNonce.nonce))
    )
    if taken.first() is None:
        raise RefusedError(problems.SIGNATURE_INVALID, "a nonce for the second time")


def _sequence(received: Received) -> tuple[int | None, str]:
    text = received.header("ma-seq")
    if not text:
        return None, ""
    found = _SEQUENCE.fullmatch(text)
    if found is None:
        raise RefusedError(problems.MALFORMED, "Ma-Seq")
    return int(found[1]), found[2]


def _tally(received: Received) -> Tally | None:
    try:
        return read_tally(received.header(SYNC_HEADER.lower()))
    except TallyError as error:
        raise RefusedError(problems.MALFORMED, f"{SYNC_HEADER}: {error}") from error
