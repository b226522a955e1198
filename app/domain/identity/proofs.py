"""How many letters ask for the proof of an address: few a day, by account and by address.

Without that, whoever gives somebody else's address could have any number of letters sent there.
"""

import hashlib
from datetime import UTC, datetime, time
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra import clock
from app.models.letters import Letter

TEMPLATE = "prove_email"
PER_ADDRESS_A_DAY = 3
PER_ACCOUNT_A_DAY = 5
# Always the account's and then the address's: of letters asked for at once each is counted.
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('proof:' || :name, 0))")


async def free_key(session: AsyncSession, account_id: UUID, address: str) -> str | None:
    """Return the key of the next letter of today, or None where there were enough."""
    name = hashlib.sha256(address.lower().encode()).hexdigest()
    for each in (str(account_id), name):
        await session.execute(LOCK, {"name": each})
    today = clock.today()
    of_account = select(func.count()).where(
        Letter.account_id == account_id,
        Letter.template == TEMPLATE,
        col(Letter.created_at) >= datetime.combine(today, time(), UTC),
    )
    if (await session.exec(of_account)).one() >= PER_ACCOUNT_A_DAY:
        return None
    keys = [f"proof {today} {name} {number}" for number in range(PER_ADDRESS_A_DAY)]
    used = select(Letter.key).where(col(Letter.key).in_(keys))
    taken = set((await session.exec(used)).all())
    return next((key for key in keys if key not in taken), None)
