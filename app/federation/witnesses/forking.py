"""What everybody may know of our log, and the way out of a ledger that stopped."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.checkpoints import queries as checkpoints
from app.domain.witnesses import actions, queries
from app.domain.witnesses.queries import LedgerStanding, WitnessView
from app.domain.witnesses.rules import NO_TREE, Tree, first_log_of, host_of
from app.federation.witnesses.offering import newest_contained
from app.federation.witnesses.our_log import OurCheckpoint, current_name, newest_of_ours
from app.infra.notes import Note, read_note
from app.infra.runtime import Runtime
from app.models.witnesses import PublicFork


@dataclass(frozen=True)
class LogStanding:
    """Where our log stands, as anybody may know: its newest state, its witnesses, its forks."""

    name: str
    size: int
    newest: OurCheckpoint | None
    standing: LedgerStanding
    witnesses: Sequence[WitnessView] = field(default_factory=tuple)

    @property
    def held(self) -> Tree:
        """The largest tree that others hold and our log does not contain."""
        newest = next(iter(self.standing.freezes), None)
        return NO_TREE if newest is None else Tree(newest.size, newest.root)


async def log_standing(session: AsyncSession, runtime: Runtime) -> LogStanding:
    """Return where our log stands."""
    return LogStanding(
        await current_name(session, runtime),
        await checkpoints.log_size(session),
        await newest_of_ours(session),
        await queries.standing_of(session),
        await queries.witnesses_of_ours(session),
    )


async def common_tree(session: AsyncSession, runtime: Runtime) -> Tree:
    """Return the newest tree that a witness signed and that our log still contains.

    As far as our own database knows who signed: what was written up to there is proven to stand.
    """
    signed = await queries.signed_trees(session)
    return (await newest_contained(session, signed, first_log_of(host_of(runtime.origin))))[1]


async def declare_fork(
    session: AsyncSession, runtime: Runtime, actor: Actor, looked_at: Tree, reason: str
) -> PublicFork:
    """Let the ledger go on from what it is now, as a steward's public word."""
    common = await common_tree(session, runtime)
    return await actions.declare_fork(session, actor, looked_at, reason, common)


async def newest_note(session: AsyncSession) -> Note | None:
    """Return our newest checkpoint with all that witnesses signed under it."""
    newest = await newest_of_ours(session)
    if newest is None:
        return None
    lines = await queries.lines_under(session, newest.origin, newest.tree.size)
    body = newest.note.written() + "".join(lines)
    return read_note(body)
