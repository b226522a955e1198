"""What must hold whatever happened: counted, never mended, here.

Each statement counts rows that should not be.
"""

from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.claims import HOLDING_STATES, sql_list

INVARIANTS: Mapping[str, str] = {
    "every entry sums to zero in each unit": """
        SELECT count(*) FROM (
            SELECT FROM postings GROUP BY entry_id, unit HAVING sum(amount) <> 0
        ) AS wrong""",
    "every balance is the sum of its postings": """
        SELECT count(*) FROM balances FULL JOIN (
            SELECT account_id, unit, sum(amount) AS total FROM postings GROUP BY account_id, unit
        ) AS sums USING (account_id, unit)
        WHERE coalesce(balances.amount, 0) <> coalesce(sums.total, 0)""",
    "every entry has all its postings": """
        SELECT count(*) FROM entries WHERE posting_count <> (
            SELECT count(*) FROM postings WHERE postings.entry_id = entries.entry_id
        )""",
    "every need counts the places that claims hold": f"""
        SELECT count(*) FROM needs WHERE taken <> (
            SELECT count(*) FROM claims
            WHERE claims.need_id = needs.id AND claims.state IN ({sql_list(HOLDING_STATES)})
        )""",  # noqa: S608 - made of our own constants
    "every confirmed claim has its entry": """
        SELECT count(*) FROM claims WHERE state = 'confirmed' AND NOT EXISTS (
            SELECT FROM entries WHERE entries.claim_id = claims.id
        )""",
    "every entry of a claim belongs to a confirmed one": """
        SELECT count(*) FROM entries JOIN claims ON claims.id = entries.claim_id
        WHERE claims.state <> 'confirmed'""",
}


async def count_violations(session: AsyncSession) -> dict[str, int]:
    """Count for each invariant what breaks it; all zero on a sound instance."""
    return {
        name: int((await session.execute(text(statement))).scalar_one())
        for name, statement in INVARIANTS.items()
    }
