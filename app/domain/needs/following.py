"""What becomes of an organisation's needs when the organisation itself changes."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.needs.actions import apply_move
from app.domain.needs.rules import PUBLISHED, search_text_for
from app.domain.organisations import policy
from app.domain.organisations import queries as organisations
from app.infra import clock
from app.models.needs import Need, NeedState
from app.models.organisations import Organisation

# Why a need rests that its organisation did not pause itself; shown where its state is.
SUSPENDED = "organisation_suspended"


async def follow_organisation(session: AsyncSession, organisation_id: UUID) -> int:
    """Bring an organisation's needs in line with it as it is by now; answers how many changed.

    Reads the rows as they stand, so it may run late, twice, or once for several changes.
    """
    organisation = await organisations.get_organisation(session, organisation_id)
    changed = [
        need
        for need in await _needs_of(session, organisation_id)
        if _rename(session, need, organisation) | _rest_or_resume(session, need, organisation)
    ]
    return len(changed)


async def _needs_of(session: AsyncSession, organisation_id: UUID) -> Sequence[Need]:
    statement = (
        select(Need)
        .where(Need.organisation_id == organisation_id)
        .order_by(col(Need.id))
        .with_for_update()
    )
    return (await session.exec(statement)).all()


def _rename(session: AsyncSession, need: Need, organisation: Organisation) -> bool:
    if need.organisation_name == organisation.name:
        return False
    need.organisation_name = organisation.name
    need.search_text = search_text_for(need)
    need.version += 1
    need.updated_at = clock.now()
    if need.state in PUBLISHED:
        record(session, SYSTEM, "need.updated", need.id)
    return True


def _rest_or_resume(session: AsyncSession, need: Need, organisation: Organisation) -> bool:
    """Nobody new is let in where the stewards said no; work that has begun goes on."""
    rests = need.state is NeedState.PAUSED and need.state_reason == SUSPENDED
    if need.state is NeedState.OPEN and policy.is_refused(organisation):
        apply_move(session, SYSTEM, need, NeedState.PAUSED, SUSPENDED)
        return True
    if rests and policy.may_publish_needs(organisation):
        apply_move(session, SYSTEM, need, NeedState.OPEN)
        return True
    return False
