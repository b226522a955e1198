"""What a work report of a peer can say: hours of days on which the work could have been done."""

from collections import Counter
from datetime import date, timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.claims.rules import LOGGED_BEFORE_NEED, MINUTES_A_DAY
from app.federation.wire.agreements import WorkReport
from app.federation.wire.needs import Quantity, minutes_in
from app.federation.wire.problems import RULE, RefusedError
from app.infra import clock
from app.models.claims import Claim
from app.models.needs import Need

MINUTES_MAX = 366 * MINUTES_A_DAY


def minutes_of(quantity: Quantity, most: int = MINUTES_MAX) -> int:
    """Return a quantity in minutes, or refuse it."""
    minutes = minutes_in(quantity)
    if not 1 <= minutes <= most:
        raise RefusedError(RULE, "not a possible number of hours")
    return minutes


async def minutes_worked(session: AsyncSession, claim_id: UUID, said: WorkReport) -> int:
    """Add up the days of a report, by the rules that everybody's own log goes by."""
    claim = await session.get_one(Claim, claim_id)
    need = await session.get_one(Need, claim.need_id)
    first = need.created_at.date() - LOGGED_BEFORE_NEED
    last = clock.today() + timedelta(days=1)  # somewhere it is tomorrow already
    days: Counter[date] = Counter()
    for each in said.attachment:
        day = each.startTime.date()
        days[day] += minutes_of(each.effortQuantity, MINUTES_A_DAY)
        if not first <= day <= last or days[day] > MINUTES_A_DAY:
            raise RefusedError(RULE, "work of a day that cannot have been")
    return days.total()
