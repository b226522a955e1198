"""Our own log as witnesses know it: its name, its keys, its newest checkpoint and its proofs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.checkpoints import queries as checkpoints
from app.domain.checkpoints.signing import open_signer, public_keys
from app.domain.witnesses import queries
from app.domain.witnesses.actions import Held, freeze
from app.domain.witnesses.rules import (
    Tree,
    first_log_of,
    forks_of,
    host_of,
    is_log_of,
    why_frozen,
)
from app.infra.notes import (
    Note,
    NoteKey,
    NoteRefusedError,
    NoteSignature,
    SignatureKind,
    is_signed_by,
    read_checkpoint,
    read_note,
)
from app.infra.runtime import Runtime
from app.models.checkpoints import Checkpoint, LogLeaf
from app.models.witnesses import FreezeReason, PublicFork


@dataclass(frozen=True)
class OurCheckpoint:
    """The newest state of our log that we signed."""

    origin: str
    tree: Tree
    note: Note
    made_at: datetime


async def newest_of_ours(session: AsyncSession) -> OurCheckpoint | None:
    """Return the newest checkpoint of our log, if there is one."""
    row = await checkpoints.newest_checkpoint(session)
    return None if row is None else _read(row)


def _read(row: Checkpoint) -> OurCheckpoint:
    note = read_note(row.note)
    said = read_checkpoint(note.text)
    return OurCheckpoint(said.origin, Tree(said.size, said.root), note, row.made_at)


async def our_root_at(session: AsyncSession, size: int) -> tuple[int, bytes | None]:
    """Return how many leaves our log has, and the root over the first `size`, if there are."""
    have = await checkpoints.log_size(session)
    return have, await checkpoints.root_at(session, size) if size <= have else None


async def note_keys(session: AsyncSession, runtime: Runtime) -> Sequence[NoteKey]:
    """List the keys that ever signed our log."""
    return await public_keys(session, runtime.origin, SignatureKind.NOTE)


async def witness_keys(session: AsyncSession, runtime: Runtime) -> Sequence[NoteKey]:
    """List the keys by which we ever signed as a witness, the one in use last; makes the first."""
    await open_signer(session, runtime.origin, runtime.data_dir)
    return await public_keys(session, runtime.origin, SignatureKind.COSIGNATURE)


async def cosigned(session: AsyncSession, runtime: Runtime, text: str) -> NoteSignature:
    """Sign a checkpoint of a peer; the caller has held it against all that we saw before."""
    return (await open_signer(session, runtime.origin, runtime.data_dir)).cosign(text)


async def read_held(
    session: AsyncSession, runtime: Runtime, source: str, text: str | bytes
) -> Held | None:
    """Read what somebody says to hold of our log; None unless a key of ours has signed it."""
    try:
        note = read_note(text)
        said = read_checkpoint(note.text)
    except NoteRefusedError:
        return None
    if not is_log_of(host_of(runtime.origin), said.origin):
        return None
    keys = await note_keys(session, runtime)
    if not any(is_signed_by(note, key) for key in keys):
        return None
    return Held(source, said.origin, Tree(said.size, said.root), note.written())


async def current_name(session: AsyncSession, runtime: Runtime) -> str:
    """Return the name that our log goes by: after a fork, once the fork is a leaf of it."""
    statement = (
        select(PublicFork.origin)
        .join(LogLeaf, col(LogLeaf.subject) == col(PublicFork.id))
        .order_by(col(PublicFork.number).desc())
        .limit(1)
    )
    found = (await session.exec(statement)).first()
    return found or first_log_of(host_of(runtime.origin))


async def check_held(session: AsyncSession, runtime: Runtime, held: Held) -> FreezeReason | None:
    """Hold what somebody has of our log against it; what it does not go with stops the ledger.

    What was given up by a public fork is no matter any more. A log after a fork that we know
    nothing of is a matter: then this database is from before it.
    """
    host = host_of(runtime.origin)
    theirs, ours = forks_of(host, held.origin), await queries.last_fork_number(session)
    if theirs < ours:
        return None
    have, root = await our_root_at(session, held.tree.size)
    why = FreezeReason.BEHIND if theirs > ours else why_frozen(held.tree, have, root)
    if why is not None:
        await freeze(session, held, why, have)
    return why
