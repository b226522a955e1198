"""What `doctor` looks at in the ledger's log: whether it may grow, is whole, and is signed."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from app.cli.finding import Finding
from app.domain.checkpoints import queries as checkpoints
from app.domain.witnesses import queries
from app.domain.witnesses.rules import Tree
from app.federation.witnesses.outside import NAME, read_file
from app.infra import clock, notes
from app.infra.notes import NoteRefusedError
from app.models.federation import PeerState

# A witness that is asked every minute and has not signed for as long is no witness.
SIGNED_WITHIN = timedelta(hours=2)


async def look_at_log(session: AsyncSession, data_dir: Path) -> list[Finding]:
    """Look whether others hold what this database does not, and whether they sign what it holds."""
    return [
        await _growing(session),
        await _whole(session),
        await _file(session, data_dir / NAME),
        await _witnessed(session),
    ]


async def _growing(session: AsyncSession) -> Finding:
    standing = await queries.standing_of(session)
    if not standing.freezes:
        return Finding("ledger log", True, f"{await checkpoints.log_size(session)} leaves")
    first = standing.freezes[0]
    what = f"read-only: {first.source} holds {first.size} leaves, here are {first.our_size}"
    mend = "Restore a newer backup; or, where there is none, declare a public fork at /witnesses."
    return Finding("ledger log", False, what, mend)


async def _whole(session: AsyncSession) -> Finding:
    """LD3: every leaf is hashed once more; each root that we or a witness signed must come out."""
    name = "ledger roots"
    signed = [Tree(size, root) for size, root in await checkpoints.signed_roots(session)]
    held = [tree for _, tree in await queries.signed_trees(session)]
    found = await checkpoints.recomputed_roots(session, {tree.size for tree in signed + held})
    wrong = sorted(tree.size for tree in signed + held if found.get(tree.size) != tree.root)
    what = f"{len(signed)} checkpoints and {len(held)} states that witnesses signed"
    if not wrong:
        return Finding(name, True, f"{what} are what the leaves come to")
    mend = "Restore a backup that is whole: what the log took up was changed since."
    return Finding(name, False, f"the leaves do not come to what was signed at {wrong[0]}", mend)


async def _file(session: AsyncSession, path: Path) -> Finding:
    name = "checkpoint outside"
    written = await asyncio.to_thread(read_file, path)
    if written is None:
        return Finding(name, True, f"{path} is not written yet")
    try:
        said = notes.read_checkpoint(notes.read_note(written).text)
    except NoteRefusedError as error:
        return Finding(name, False, f"{path}: {error}", "Remove it: it is written anew.")
    have = await checkpoints.log_size(session)
    forks = await queries.standing_of(session)
    given_up = any(fork.fork.continues == said.origin for fork in forks.forks)
    held = said.size <= have and await checkpoints.root_at(session, said.size) == said.root
    mend = "Restore a newer backup: this database is older than the file, or was rewritten."
    return Finding(name, held or given_up, f"{said.size} leaves in {path}", mend)


async def _witnessed(session: AsyncSession) -> Finding:
    name = "witnesses"
    newest = await checkpoints.newest_checkpoint(session)
    peers = await queries.active_witnesses(session)
    views = await queries.witnesses_of_ours(session)
    if newest is None:
        return Finding(name, True, "nothing to sign yet")
    if not any(peer.state == PeerState.ACTIVE for peer in peers):
        return Finding(name, True, "no peer: only the file and members' copies hold the ledger")
    best = max((view.size for view in views), default=0)
    late = best < newest.size and clock.now() - newest.made_at > SIGNED_WITHIN
    what = f"{len(views)} signed, the newest up to leaf {best} of {newest.size}"
    mend = "Start a worker, and see at /stewardship/peers whether peers are reached."
    return Finding(name, not late, what, mend)
