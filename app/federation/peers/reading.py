"""Reading from a peer: a signed request, an answer that must be signed for this very request.

Each request says what the peer should hold of us (`Ma-Sync`), so that one that is behind, or that
knows more of us than we do, finds out by being asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation import budgets
from app.federation.peers.discovery import clients_of
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.keyring import Accepted, accepted_keys, prove_answer
from app.federation.peers.lanes import epoch_of, our_tally
from app.federation.wire.context import ACTIVITY_JSON
from app.federation.wire.problems import RefusedError
from app.federation.wire.tallies import SYNC_HEADER, write_tally
from app.infra.http_client import Answer, OutboundError, Outgoing, call, policy_of
from app.infra.runtime import Runtime
from app.infra.signatures import HttpAnswer, HttpMessage, SignatureRefusedError
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.federation import Peer, PeerOutbox, PeerState


class ReadError(Exception):
    """What we asked a peer for could not be had, or is not what it must be."""

    def __init__(self, detail: str, status: int | None = None) -> None:
        """`status` when the peer did answer."""
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class Reader:
    """We, as we ask one peer."""

    runtime: Runtime
    ours: Identity
    peer: Peer
    accepted: Accepted
    tally: str


async def reader_of(session: AsyncSession, runtime: Runtime, peer_id: UUID) -> Reader | None:
    """Return us asking a peer; None when it is not active."""
    peer = await session.get(Peer, peer_id, populate_existing=True)
    outbox = await session.get(PeerOutbox, peer_id, populate_existing=True)
    if peer is None or outbox is None or peer.state != PeerState.ACTIVE:
        return None
    ours = await our_identity(session, runtime, peer_id)
    tally = write_tally(our_tally(outbox, epoch_of(outbox, ours)))
    return Reader(runtime, ours, peer, await accepted_keys(session, peer_id), tally)


async def read_signed(reader: Reader, path: str, *, nodes_max: int) -> Any:
    """Read JSON from a peer whose answer it has signed for this request."""
    answer, sent = await _ask(reader, f"{reader.peer.origin}{path}")
    signed = HttpAnswer(answer.status, answer.header_lines, answer.body, sent)
    try:
        prove_answer(signed, reader.accepted)
    except SignatureRefusedError as error:
        raise ReadError(error.detail) from error
    return _parse(answer.body, nodes_max)


async def read_object(reader: Reader, url: str, *, nodes_max: int) -> Any:
    """Read an object of a peer; its answer is not signed, so the caller compares its hash."""
    answer, _ = await _ask(reader, url)
    return _parse(answer.body, nodes_max)


async def _ask(reader: Reader, url: str) -> tuple[Answer, HttpMessage]:
    lines: Sequence[tuple[str, str]] = [("Accept", ACTIVITY_JSON), (SYNC_HEADER, reader.tally)]
    client = clients_of(reader.runtime).of(reader.peer.origin)
    try:
        policy_of(reader.runtime).check_url(url)
        headers = reader.ours.sign(HttpMessage("GET", url, lines))
        answer = await call(client, Outgoing("GET", url, headers))
        await budgets.take_in(reader.runtime, reader.peer.id, len(answer.body))
    except (OutboundError, RefusedError) as error:
        raise ReadError(error.detail) from error
    if answer.status != 200:
        raise ReadError(f"status {answer.status}", answer.status)
    return answer, HttpMessage("GET", url, list(headers.items()))


def _parse(body: bytes, nodes_max: int) -> Any:
    try:
        return parse_json(body, nodes_max=nodes_max)
    except StrictJsonError as error:
        raise ReadError(error.code) from error
