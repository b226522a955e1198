"""What a need's page shows of its hold, and of holding it."""

from typing import Any

from app.domain.moderation.holds import hold_of
from app.domain.needs.rules import HOLDABLE
from app.models.needs import Need
from app.pages.dependencies import Db, Visit


async def hold_values(db: Db, visit: Visit, need: Need, *, runs: bool) -> dict[str, Any]:
    """Return the hold to those who run the need, and whether the reader may hold it."""
    member = visit.page.viewer is not None and visit.page.viewer.member_of(need.organisation_id)
    steward = visit.actor.acts_as_steward
    hold = await hold_of(db, need) if runs or steward else None
    return {
        "hold": hold,
        "may_appeal": hold is not None and member and hold.appealed_at is None,
        "may_release": hold is not None and steward,
        "may_hold": steward and need.state in HOLDABLE,
    }
