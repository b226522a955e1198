"""What became of an entry: which one was corrected, by what, and from how much to how much.

A correction is never one line: an entry takes the old one back, and where something of it is true
another one says what. Here they are read as the one change that people mean.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.ledger import EntryKind

# Entries correct each other in a line: the first, what takes it back, what holds instead, ...
_LINES = text("""
    WITH RECURSIVE up AS (
        SELECT entry_id AS asked, entry_id, corrects FROM entries WHERE entry_id = ANY(:asked)
        UNION ALL
        SELECT up.asked, e.entry_id, e.corrects FROM up JOIN entries e ON e.entry_id = up.corrects
    ), down AS (
        SELECT asked, entry_id, 0 AS place FROM up WHERE corrects IS NULL
        UNION ALL
        SELECT down.asked, e.entry_id, down.place + 1
        FROM down JOIN entries e ON e.corrects = down.entry_id
    )
    SELECT down.asked, e.entry_id, e.kind, e.worked_on,
           coalesce((
               SELECT sum(p.amount) FROM postings p JOIN ledger_accounts a ON a.id = p.account_id
               WHERE p.entry_id = e.entry_id AND p.unit = 'minute' AND a.kind = 'worker'
           ), 0) AS minutes
    FROM down JOIN entries e ON e.entry_id = down.entry_id
    ORDER BY down.asked, down.place
""")


@dataclass(frozen=True)
class Step:
    """One entry of such a line, with the minutes that it gives a worker."""

    entry_id: UUID
    kind: EntryKind
    worked_on: date
    minutes: int


@dataclass(frozen=True)
class Change:
    """From how much to how much, by which entries: `anew` is none where nothing of it was true."""

    of: Step
    back: Step
    anew: Step | None

    @property
    def before(self) -> int:
        """How many minutes stood there."""
        return self.of.minutes

    @property
    def after(self) -> int:
        """How many minutes hold instead."""
        return self.anew.minutes if self.anew else 0

    @property
    def by(self) -> Step:
        """The entry that a reader of the old one should see."""
        return self.anew or self.back


@dataclass(frozen=True)
class Becoming:
    """What an entry has to do with corrections; none of these for most entries."""

    # It was corrected.
    corrected: Change | None = None
    # It takes another one back.
    takes_back: Change | None = None
    # It says what holds instead of another one.
    instead: Change | None = None


async def becomings(session: AsyncSession, entry_ids: Collection[UUID]) -> dict[UUID, Becoming]:
    """Return for entries what became of them; only those that a correction is about."""
    rows = await session.execute(_LINES, {"asked": list(entry_ids)})
    found: dict[UUID, list[Step]] = defaultdict(list)
    for asked, entry_id, kind, worked_on, minutes in rows:
        found[asked].append(Step(entry_id, EntryKind(kind), worked_on, int(minutes)))
    return {asked: _becoming(asked, line) for asked, line in found.items() if len(line) > 1}


def _becoming(asked: UUID, line: Sequence[Step]) -> Becoming:
    changes = [
        Change(line[place - 1], line[place], line[place + 1] if place + 1 < len(line) else None)
        for place in range(1, len(line), 2)
    ]
    return Becoming(
        next((one for one in changes if one.of.entry_id == asked), None),
        next((one for one in changes if one.back.entry_id == asked), None),
        next((one for one in changes if one.anew and one.anew.entry_id == asked), None),
    )
