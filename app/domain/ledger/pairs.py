"""R15's report: pairs of people who confirm each other a lot. It accuses nobody; it is looked at.

Of each pair that confirmed work in both directions: how much each confirmed for the other, and how
much of all that the two gave was confirmed by the other of the pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.ledger.people import known_as
from app.domain.ledger.queries import get_book_for
from app.domain.ledger.rules import share_percent

PAIRS_MAX = 100
# From this part on a pair stands out (0.6): most of what the two gave, each for the other.
STANDS_OUT = (3, 5)
# What stands is counted: an entry that was taken back counts neither way.
MUTUAL = text("""
    WITH given AS (
        SELECT a.holder_id AS worker, e.recorded_by AS confirmer, p.amount AS minutes,
               EXISTS (SELECT FROM entries c WHERE c.corrects = e.entry_id) AS taken_back
        FROM entries e JOIN postings p USING (entry_id)
        JOIN ledger_accounts a ON a.id = p.account_id
        WHERE e.book_id = :book_id AND a.kind = 'worker' AND p.unit = 'minute' AND p.amount > 0
    ), pair AS (
        SELECT worker, confirmer, sum(minutes) AS minutes, count(*) AS entries
        FROM given WHERE NOT taken_back GROUP BY worker, confirmer
    ), whole AS (
        SELECT worker, sum(minutes) AS minutes FROM pair GROUP BY worker
    )
    SELECT one.worker AS first_id, other.worker AS second_id,
           one.minutes AS of_first, other.minutes AS of_second,
           one.entries + other.entries AS entries,
           one.minutes + other.minutes AS mutual,
           first_whole.minutes + second_whole.minutes AS whole
    FROM pair one
    JOIN pair other ON other.worker = one.confirmer AND other.confirmer = one.worker
    JOIN whole first_whole ON first_whole.worker = one.worker
    JOIN whole second_whole ON second_whole.worker = other.worker
    WHERE one.worker < other.worker
    ORDER BY (one.minutes + other.minutes)::numeric
             / (first_whole.minutes + second_whole.minutes) DESC, mutual DESC, 1, 2
    LIMIT :limit
""")


@dataclass(frozen=True)
class MutualPair:
    """Two people who confirmed each other's work.

    `mutual_minutes` of `whole_minutes`: what each confirmed for the other, of all that they gave.
    """

    first_id: UUID
    first: str
    second_id: UUID
    second: str
    first_minutes: int
    second_minutes: int
    entries: int
    mutual_minutes: int
    whole_minutes: int

    @property
    def share_percent(self) -> str:
        """The mutual part of all that the two gave, in percent."""
        return share_percent(self.mutual_minutes, self.whole_minutes)

    @property
    def stands_out(self) -> bool:
        """Whether most of it is mutual; the boundary is inclusive."""
        part, whole = STANDS_OUT
        return self.mutual_minutes * whole >= part * self.whole_minutes


async def mutual_pairs(session: AsyncSession, actor: Actor, book_id: UUID) -> Sequence[MutualPair]:
    """List the pairs of a book to those who read it, the most mutual first."""
    await get_book_for(session, actor, book_id)
    rows = (await session.execute(MUTUAL, {"book_id": book_id, "limit": PAIRS_MAX})).all()
    people = [one for row in rows for one in (row.first_id, row.second_id)]
    known = await known_as(session, book_id, people, actor.account_id)
    return [
        MutualPair(
            row.first_id,
            known[row.first_id].said,
            row.second_id,
            known[row.second_id].said,
            int(row.of_first),
            int(row.of_second),
            int(row.entries),
            int(row.mutual),
            int(row.whole),
        )
        for row in rows
    ]
