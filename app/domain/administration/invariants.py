"""What must hold whatever happened: counted, never mended, here.

Each statement counts rows that should not be.
"""

from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.claims.rules import TRANSITIONS
from app.models.claims import HOLDING_STATES, sql_list

_ALLOWED = ", ".join(
    f"('{before}', '{to}')" for before, moves in TRANSITIONS.items() for to in moves
)
INVARIANTS: Mapping[str, str] = {
    "every entry sums to zero in each unit": """
        SELECT count(*) FROM (
            SELECT FROM postings GROUP BY entry_id, unit HAVING sum(amount) <> 0
        ) AS wrong""",
    "every balance is the sum of its postings": """
        SELECT count(*) FROM balances FULL JOIN (
            SELECT account_id, unit, sum(amount) AS total FROM postings
            JOIN ledger_accounts ON ledger_accounts.id = account_id
            WHERE kind <> 'organisation' GROUP BY account_id, unit
        ) AS sums USING (account_id, unit)
        WHERE coalesce(balances.amount, 0) <> coalesce(sums.total, 0)""",
    "every entry has all its postings": """
        SELECT count(*) FROM entries WHERE posting_count <> (
            SELECT count(*) FROM postings WHERE postings.entry_id = entries.entry_id
        )""",
    "every need counts the places that claims hold": f"""
        SELECT count(*) FROM needs WHERE origin_url IS NULL AND taken <> (
            SELECT count(*) FROM claims
            WHERE claims.need_id = needs.id AND claims.kind = 'work'
                AND claims.state IN ({sql_list(HOLDING_STATES)})
        )""",  # noqa: S608 - made of our own constants
    "no need holds more claims than it has places": f"""
        SELECT count(*) FROM needs WHERE origin_url IS NULL AND places < (
            SELECT count(*) FROM claims
            WHERE claims.need_id = needs.id AND claims.kind = 'work'
                AND claims.state IN ({sql_list(HOLDING_STATES)})
        )""",  # noqa: S608 - made of our own constants
    "every confirmed claim has its entry": """
        SELECT count(*) FROM claims WHERE state = 'confirmed'
            AND elsewhere IS DISTINCT FROM 'need' AND NOT EXISTS (
            SELECT FROM entries WHERE entries.claim_id = claims.id
        )""",
    "the entries of every claim sum to what was confirmed of it, once": """
        SELECT count(*) FROM claims LEFT JOIN (
            SELECT entries.claim_id, sum(postings.amount) AS minutes
            FROM entries JOIN postings USING (entry_id)
            JOIN ledger_accounts ON ledger_accounts.id = postings.account_id
            WHERE ledger_accounts.kind = 'worker' AND postings.unit = 'minute'
            GROUP BY entries.claim_id
        ) AS credited ON credited.claim_id = claims.id
        WHERE elsewhere IS DISTINCT FROM 'need'
            AND coalesce(credited.minutes, 0) <> coalesce(claims.confirmed_minutes, 0)
            AND NOT EXISTS (
                SELECT FROM disputes JOIN entries USING (entry_id)
                WHERE entries.claim_id = claims.id AND disputes.final_at IS NULL
            )""",
    "what is in suspense is what is in dispute": """
        SELECT count(*) FROM (
            SELECT book_id, holder_id, sum(amount) AS minutes
            FROM ledger_accounts JOIN balances ON balances.account_id = ledger_accounts.id
            WHERE kind = 'suspense' GROUP BY book_id, holder_id
        ) AS held FULL JOIN (
            SELECT book_id, worker_id AS holder_id, sum(minutes) AS minutes
            FROM disputes WHERE state <> 'closed' GROUP BY book_id, worker_id
        ) AS asked USING (book_id, holder_id)
        WHERE coalesce(held.minutes, 0) <> coalesce(asked.minutes, 0)""",
    "nobody judges a dispute of their own": """
        SELECT count(*) FROM dispute_seats JOIN disputes ON disputes.id = dispute_id
        WHERE account_id IN (worker_id, opened_by)""",
    "every entry has its cause": """
        SELECT count(*) FROM entries WHERE CASE kind
            WHEN 'contribution' THEN claim_id IS NULL OR corrects IS NOT NULL
            WHEN 'correction' THEN corrects IS NULL AND NOT EXISTS (
                SELECT FROM entry_links WHERE entry_links.entry_id = entries.entry_id
            )
            WHEN 'receipt' THEN receipt_id IS NULL OR corrects IS NOT NULL
            WHEN 'slip' THEN batch_id IS NULL OR corrects IS NOT NULL
            WHEN 'opening' THEN batch_id IS NULL OR corrects IS NOT NULL
            ELSE false END""",
    "nobody is credited by an entry of their own": """
        SELECT count(*) FROM entries JOIN postings USING (entry_id)
        JOIN ledger_accounts ON ledger_accounts.id = postings.account_id
        WHERE ledger_accounts.kind = 'worker' AND postings.unit = 'minute'
            AND postings.amount > 0 AND ledger_accounts.holder_id = entries.recorded_by
            AND entries.kind IN ('contribution', 'correction', 'opening', 'slip', 'receipt')""",
    "hours are in the book only of claims that were confirmed": """
        SELECT count(*) FROM claims WHERE (confirmed_minutes IS NULL) <> (confirmed_at IS NULL)
            OR confirmed_minutes < 1
            OR (confirmed_minutes IS NOT NULL
                AND state NOT IN ('confirmed', 'disputed', 'panel_review'))""",
    "every claim is where its history left it": """
        SELECT count(*) FROM claims WHERE state IS DISTINCT FROM (
            SELECT to_state FROM claim_history
            WHERE claim_history.claim_id = claims.id ORDER BY id DESC LIMIT 1
        )""",
    "every move of a claim begins where the last one ended": """
        SELECT count(*) FROM (
            SELECT from_state, lag(to_state) OVER (PARTITION BY claim_id ORDER BY id) AS before
            FROM claim_history
        ) AS moves WHERE from_state IS DISTINCT FROM before""",
    "every move of a claim is one that the table allows": f"""
        SELECT count(*) FROM claim_history WHERE from_state IS NOT NULL
            AND (from_state, to_state) NOT IN ({_ALLOWED})
            AND claim_id NOT IN (SELECT id FROM claims WHERE elsewhere = 'need')""",  # noqa: S608 - our own constants
    "a claim is before a panel exactly while one is open": """
        SELECT count(*) FROM claims WHERE (state = 'panel_review') <> EXISTS (
            SELECT FROM panels WHERE panels.claim_id = claims.id AND closed_at IS NULL
        )""",
    "a claim has an agreement exactly when two instances share it": """
        SELECT count(*) FROM claims WHERE (elsewhere IS NOT NULL) <> EXISTS (
            SELECT FROM agreements WHERE agreements.claim_id = claims.id
        )""",
    "a claim is elsewhere exactly where its need is": """
        SELECT count(*) FROM claims JOIN needs ON needs.id = claims.need_id
        WHERE (elsewhere IS NOT DISTINCT FROM 'need') <> (needs.origin_url IS NOT NULL)""",
    "nobody judges their own work": """
        SELECT count(*) FROM claims WHERE EXISTS (
            SELECT FROM panel_seats JOIN panels ON panels.id = panel_seats.panel_id
            WHERE panels.claim_id = claims.id AND panel_seats.account_id = claims.account_id
        ) OR EXISTS (
            SELECT FROM entries
            WHERE entries.claim_id = claims.id AND entries.recorded_by = claims.account_id
                AND entries.kind <> 'dispute'
        )""",
}


async def count_violations(session: AsyncSession) -> dict[str, int]:
    """Count for each invariant what breaks it; all zero on a sound instance."""
    return {
        name: int((await session.execute(text(statement))).scalar_one())
        for name, statement in INVARIANTS.items()
    }
