"""Reading the log: its size, its roots, proofs, and the states that were signed."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.checkpoints import errors
from app.infra import merkle
from app.infra.merkle import Node, Span
from app.models.checkpoints import Checkpoint, LogKey, LogLeaf, LogNode
from app.models.ledger import LogKind

LEAVES_A_READ = 30_000


@dataclass(frozen=True)
class Inclusion:
    """That a thing has its place in a state of the log: what RFC 9162 needs to check it."""

    position: int
    size: int
    data: bytes
    proof: Sequence[bytes]
    checkpoint: Checkpoint


async def log_size(session: AsyncSession) -> int:
    """How many leaves the log has."""
    last = select(func.coalesce(func.max(LogLeaf.position), -1))
    return int((await session.exec(last)).one()) + 1


async def newest_checkpoint(session: AsyncSession) -> Checkpoint | None:
    """The state that was signed last."""
    statement = select(Checkpoint).order_by(col(Checkpoint.size).desc()).limit(1)
    return (await session.exec(statement)).first()


async def newest_checkpoints(session: AsyncSession, limit: int) -> list[Checkpoint]:
    """The last signed states, oldest first."""
    statement = select(Checkpoint).order_by(col(Checkpoint.size).desc()).limit(limit)
    return list((await session.exec(statement)).all())[::-1]


async def root_at(session: AsyncSession, size: int) -> bytes:
    """The root that the stored tree had with so many leaves."""
    whole = Span(0, size)
    stored = await _stored(session, [whole])
    return merkle.spans_hashes([whole], stored)[0]


async def signed_roots(session: AsyncSession) -> Sequence[tuple[int, bytes]]:
    """Every state that we signed: its size and root."""
    return (await session.exec(select(Checkpoint.size, Checkpoint.root))).all()


async def recomputed_roots(session: AsyncSession, sizes: AbstractSet[int]) -> Mapping[int, bytes]:
    """The roots that the leaves come to at these sizes, without what is stored of the tree.

    A size that the log has not, or below which a leaf is missing, has none.
    """
    tree = merkle.GrowingTree()
    found: dict[int, bytes] = {0: tree.root()} if 0 in sizes else {}
    for start in range(0, max(sizes, default=0), LEAVES_A_READ):
        rows = await session.exec(
            select(LogLeaf.position, LogLeaf.data)
            .where(col(LogLeaf.position) >= start, col(LogLeaf.position) < start + LEAVES_A_READ)
            .order_by(col(LogLeaf.position))
        )
        for position, data in rows.all():
            if position != tree.size:
                return found
            tree.append(data)
            if tree.size in sizes:
                found[tree.size] = tree.root()
    return found


async def consistency(session: AsyncSession, first: int, second: int) -> list[bytes]:
    """Prove that the log of the second size grew out of that of the first (RFC 9162)."""
    if not 0 <= first <= second <= await log_size(session):
        raise errors.checkpoint_not_found()
    spans = merkle.consistency_spans(first, second)
    return merkle.spans_hashes(spans, await _stored(session, spans))


async def inclusion_of(session: AsyncSession, kind: LogKind, subject: UUID) -> Inclusion:
    """Prove that a thing is in the newest signed state of the log."""
    statement = select(LogLeaf).where(LogLeaf.kind == kind.value, LogLeaf.subject == subject)
    leaf = (await session.exec(statement)).first()
    checkpoint = await newest_checkpoint(session)
    if leaf is None or checkpoint is None or leaf.position >= checkpoint.size:
        raise errors.leaf_not_found()
    spans = merkle.inclusion_spans(leaf.position, checkpoint.size)
    proof = merkle.spans_hashes(spans, await _stored(session, spans))
    return Inclusion(leaf.position, checkpoint.size, leaf.data, proof, checkpoint)


async def log_keys(session: AsyncSession) -> Sequence[LogKey]:
    """All keys that ever signed our checkpoints, the one that signs now last."""
    statement = select(LogKey).order_by(
        col(LogKey.retired_at).asc().nulls_last(), col(LogKey.created_at)
    )
    return (await session.exec(statement)).all()


async def frontier(session: AsyncSession, size: int) -> Mapping[Node, bytes]:
    """The complete subtrees of which a log of this size is made."""
    return await _stored(session, [Span(0, size)])


async def _stored(session: AsyncSession, spans: Sequence[Span]) -> Mapping[Node, bytes]:
    """Read the complete subtrees of these parts of the tree: a few dozen rows at any size."""
    wanted = [node for span in spans for node in merkle.complete_nodes(span)]
    low = [node.index for node in wanted if node.level == 0]
    high = [(node.level, node.index) for node in wanted if node.level]
    found: dict[Node, bytes] = {}
    if low:
        leaves = select(LogLeaf.position, LogLeaf.data).where(col(LogLeaf.position).in_(low))
        for position, data in (await session.exec(leaves)).all():
            found[Node(0, position)] = merkle.leaf_hash(data)
    if high:
        place = tuple_(col(LogNode.level), col(LogNode.index))
        for row in (await session.exec(select(LogNode).where(place.in_(high)))).all():
            found[Node(row.level, row.index)] = row.hash
    return found
