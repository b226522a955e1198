"""What was recognised of a gift as standing, and how far a later entry changes it (R12)."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.ledger import Entry

# A gift that was recognised as standing (R12): by which entry, on whose account and how much, what
# of it is recognised now, and what of the gift still stands.
RECOGNISED = text(
    """
    WITH gift AS (
        SELECT g.entry_id, a.id AS account, a.holder_id FROM entries g
            JOIN postings p USING (entry_id) JOIN ledger_accounts a ON a.id = p.account_id
        WHERE a.kind = 'worker' AND a.stream = 'gift' AND p.amount > 0 AND g.entry_id = coalesce(
            CAST(:corrects AS uuid),
            (SELECT entry_id FROM disputes WHERE id = CAST(:dispute_id AS uuid))
        )
    ), recognised AS (
        SELECT e.id, e.entry_id, e.batch_id, e.decision_id, e.worked_on, p.account_id, p.amount
        FROM gift JOIN entry_links l ON l.linked_entry_id = gift.entry_id
            JOIN entries e ON e.entry_id = l.entry_id AND e.kind = 'conversion'
            JOIN postings p ON p.entry_id = e.entry_id
            JOIN ledger_accounts a ON a.id = p.account_id
                AND a.kind = 'standing' AND a.holder_id = gift.holder_id
    ), left_of_it AS (
        SELECT CASE WHEN EXISTS (SELECT FROM entries WHERE corrects = gift.entry_id) THEN 0 ELSE (
            SELECT sum(p.amount) FROM postings p JOIN entries e USING (entry_id)
            WHERE p.account_id = gift.account AND (e.entry_id = gift.entry_id
                OR e.dispute_id IN (SELECT id FROM disputes WHERE entry_id = gift.entry_id))
        ) END AS amount FROM gift
    )
    SELECT gift.entry_id AS gift, first.batch_id, first.decision_id, first.worked_on,
        first.account_id, other.account_id AS other_account,
        least(first.amount, greatest(left_of_it.amount, 0))
            - (SELECT sum(amount) FROM recognised) AS change
    FROM gift, left_of_it, (SELECT * FROM recognised ORDER BY id LIMIT 1) AS first
        JOIN postings other ON other.entry_id = first.entry_id
            AND other.account_id <> first.account_id
    """
)


@dataclass(frozen=True)
class RecognisedChange:
    """By how many minutes standing follows its gift, and the entry that recognised it."""

    gift: UUID
    batch_id: UUID | None
    decision_id: UUID | None
    worked_on: date
    account_id: UUID
    other_account: UUID
    change: int


async def changed_by(session: AsyncSession, cause: Entry) -> RecognisedChange | None:
    """Return what an entry changes of a recognised gift's standing; None where it changes none."""
    about = {"corrects": cause.corrects, "dispute_id": cause.dispute_id}
    found = (await session.execute(RECOGNISED, about)).one_or_none()
    if found is None or found.change == 0:
        return None
    return RecognisedChange(
        found.gift,
        found.batch_id,
        found.decision_id,
        found.worked_on,
        found.account_id,
        found.other_account,
        int(found.change),
    )
