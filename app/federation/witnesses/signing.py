"""We as a witness: a peer's log offers a checkpoint, and we sign it if it only grew.

C2SP tlog-witness over a request that the peer has signed as any other: who is no peer of ours uses
none of our time. What contradicts an earlier checkpoint is kept, told to our stewards and refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.witnesses import actions, queries
from app.domain.witnesses.actions import Offered, Parting
from app.domain.witnesses.rules import Answer, Tree, first_log_of, host_of, is_log_of, witness_of
from app.errors import NotFoundError
from app.federation.verification import VerifiedReader
from app.federation.wire.checkpoints import (
    CHECKPOINTS_LISTED_MAX,
    SIZE_TEXT,
    TEXT,
    ForkDeclaration,
    LogIntroduction,
    SignedCheckpoint,
    SignedCheckpoints,
    WitnessIntroduction,
    read_add_checkpoint,
)
from app.federation.wire.problems import (
    MALFORMED,
    NOT_AUTHORISED,
    OBJECT_MISSING,
    RULE,
    STATE_CONFLICT,
    RefusedError,
)
from app.federation.witnesses.our_log import cosigned, witness_keys
from app.infra import clock
from app.infra.notes import (
    Note,
    NoteKey,
    NoteRefusedError,
    SignatureKind,
    is_signed_by,
    read_checkpoint,
    read_key,
)
from app.infra.runtime import Runtime
from app.models.federation import Peer
from app.models.witnesses import WitnessedCheckpoint, WitnessedLog


@dataclass(frozen=True)
class Reply:
    """What a log is told: not an error, for what we noticed of it stays."""

    status: int
    media_type: str
    text: str


async def add_checkpoint(
    session: AsyncSession, runtime: Runtime, reader: VerifiedReader, body: bytes
) -> Reply:
    """Weigh a checkpoint of a peer's log and sign it, or say what we hold instead."""
    asked = read_add_checkpoint(body)
    try:
        said = read_checkpoint(asked.note.text)
    except NoteRefusedError as error:
        raise RefusedError(MALFORMED, str(error)) from error
    signed_by = await _keys_under(session, reader.peer, said.origin, asked.note)
    tree, own = Tree(said.size, said.root), asked.note.text
    offered = Offered(said.origin, tree, asked.old_size, asked.proof, asked.note.written())
    answer, log = await actions.weigh(session, reader.peer.id, offered)
    if answer is Answer.UNREADABLE:
        raise RefusedError(MALFORMED, "a proof that begins after its end")
    if answer is Answer.ELSEWHERE:
        return Reply(409, SIZE_TEXT, f"{log.size}\n")
    if answer is not Answer.SIGNED:
        return Reply(409 if answer is Answer.CONTRADICTS else 422, SIZE_TEXT, f"{log.size}\n")
    now = clock.now()
    line = await cosigned(session, runtime, own)
    # Only the log's own signature and ours are kept: nobody else was asked.
    mine = [one for one in asked.note.signatures if one.key_id in {k.key_id for k in signed_by}]
    note = Note(own, (*mine, line)).written()
    await actions.sign_log(session, log, tree, note, now)
    return Reply(200, TEXT, line.written())


async def _keys_under(
    session: AsyncSession, peer: Peer, origin: str, note: Note
) -> Sequence[NoteKey]:
    """Return the keys of this log under a note; refuses a log that its peer never told us of."""
    log = await queries.watched_log(session, origin)
    if log is None or log.peer_id != peer.id:
        raise RefusedError(OBJECT_MISSING, "no log that this peer told of")
    found = [key for key in map(read_key, log.keys) if is_signed_by(note, key)]
    if not found:
        raise RefusedError(NOT_AUTHORISED, "not signed by this log")
    return found


async def meet_log(
    session: AsyncSession, runtime: Runtime, reader: VerifiedReader, said: LogIntroduction
) -> WitnessIntroduction:
    """Hear of a peer's log, its keys and forks; the peer's own key has signed the request."""
    host = host_of(reader.peer.origin)
    if not is_log_of(host, said.origin):
        raise RefusedError(NOT_AUTHORISED, "no log of this peer")
    if (said.fork is None) != (said.origin == first_log_of(host)):
        raise RefusedError(RULE, "a fork has a name of its own, and nothing else has")
    try:
        keys = [read_key(text) for text in said.keys]
    except NoteRefusedError as error:
        raise RefusedError(MALFORMED, str(error)) from error
    if any((key.name, key.kind) != (witness_of(host), SignatureKind.NOTE) for key in keys):
        raise RefusedError(RULE, "a key of another log")
    try:
        log = await actions.meet_log(
            session, reader.peer.id, said.origin, said.keys, _parting(host, said.fork)
        )
    except NotFoundError as error:
        raise RefusedError(STATE_CONFLICT, "we never signed that tree") from error
    ours = await witness_keys(session, runtime)
    names = tuple(key.written() for key in ours)
    return WitnessIntroduction(witness=ours[-1].name, keys=names, size=log.size)


def _parting(host: str, fork: ForkDeclaration | None) -> Parting | None:
    if fork is None:
        return None
    if not is_log_of(host, fork.continues):
        raise RefusedError(NOT_AUTHORISED, "no log of this peer")
    tree = Tree(fork.parted.size, bytes.fromhex(fork.parted.root))
    return Parting(fork.continues, tree, fork.reason)


async def signed_of(
    session: AsyncSession, runtime: Runtime, host: str, up_to: int
) -> SignedCheckpoints:
    """List what we signed of an instance's logs up to a size, the newest first, for anybody."""
    statement = (
        select(WitnessedCheckpoint)
        .join(WitnessedLog, col(WitnessedLog.origin) == col(WitnessedCheckpoint.origin))
        .join(Peer, col(Peer.id) == col(WitnessedLog.peer_id))
        .where(
            col(Peer.origin).in_((f"https://{host}", f"http://{host}")),
            WitnessedCheckpoint.size <= up_to,
        )
        .order_by(col(WitnessedCheckpoint.id).desc())
        .limit(CHECKPOINTS_LISTED_MAX)
    )
    ours = await witness_keys(session, runtime)
    return SignedCheckpoints(
        witness=ours[-1].name,
        keys=tuple(key.written() for key in ours),
        items=tuple(
            SignedCheckpoint(
                origin=row.origin,
                size=row.size,
                root=row.root.hex(),
                signed=row.signed_at,
                note=row.note,
            )
            for row in await session.exec(statement)
        ),
    )


async def newest_of(session: AsyncSession, host: str) -> str:
    """Return the checkpoint of an instance that we signed last, with our line under it."""
    log = await queries.newest_signed_of(session, host)
    if log is None:
        raise RefusedError(OBJECT_MISSING, "we signed nothing of it")
    return log.note


def signed_at(seconds: int) -> datetime:
    """Return the moment that a cosignature names."""
    return datetime.fromtimestamp(seconds, UTC)
