"""Recording what happened, so that higher domains and peers can react to it.

The row is the truth and is written in the transaction of the thing itself; the doorbell that
follows the commit only saves the wait until the next sweep.
"""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.models.activity import Activity

# Looked at by whoever commits the session: something waits for the workers.
PENDING_MARK = "tornallom.activity_pending"


def record(
    session: AsyncSession,
    actor: Actor,
    verb: str,
    object_id: UUID,
    **details: Any,
) -> None:
    """Note that `verb` (such as "claim.accepted") happened to the object of that noun."""
    session.add(
        Activity(
            verb=verb,
            noun=verb.partition(".")[0],
            object_id=object_id,
            account_id=actor.account_id,
            request_id=actor.request_id,
            details=details,
        )
    )
    session.info[PENDING_MARK] = True
