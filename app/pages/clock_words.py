"""What the clocks do next, as sentences in the reader's language and zone."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from app.domain.claims.clocks import oldest_applications
from app.domain.needs.clocks import RENEWAL, Due, is_slow
from app.domain.needs.queries import has_claim_in
from app.domain.needs.sweep import next_of_need
from app.domain.organisations.queries import organisations_by_id
from app.domain.profiles.queries import zone_of_account
from app.infra import clock, i18n
from app.models.claims import LIVE_STATES
from app.models.needs import Need
from app.pages.context import PageContext
from app.pages.dependencies import Db, Visit


async def zone_of(db: Db, visit: Visit) -> str | None:
    """Return the reader's zone, where they said it; otherwise the organisation's is used."""
    if visit.actor.account_id is None:
        return None
    return await zone_of_account(db, visit.actor.account_id)


async def in_zone_of(db: Db, visit: Visit, organisation_id: UUID | None) -> PageContext:
    """Return a page all of whose times are in one zone: the reader's, or the organisation's."""
    zone = await zone_of(db, visit)
    if zone is None and organisation_id is not None:
        found = await organisations_by_id(db, [organisation_id])
        zone = found[organisation_id].time_zone if organisation_id in found else None
    return replace(visit.page, zone=zone) if zone else visit.page


def words_of(language: str, due: Due | None, zone: str | None = None) -> str:
    """Say what comes next and when; empty where no clock runs."""
    if due is None:
        return ""
    when = i18n.format_datetime_named(language, due.at, zone or due.zone)
    return i18n.translate(language, f"clock.{due.code}", when=when)


def told_reason(language: str, reason: str) -> str:
    """Return a reason in words; what the system gave as a code is told as a sentence."""
    known = f"need.reason.{reason}"
    return i18n.translate(language, known) if i18n.exists(known) else reason


async def clock_values(db: Db, visit: Visit, need: Need, *, runs: bool) -> dict[str, Any]:
    """Return what a need shows of its clocks: to all that it is slow, to its own the rest."""
    waiting = (await oldest_applications(db, [need.id])).get(need.id)
    values: dict[str, Any] = {
        "slow": is_slow(waiting, clock.now()), "next_step": "", "renewable": False,
    }  # fmt: skip
    if runs and need.state in RENEWAL.runs_in and not await has_claim_in(db, need, LIVE_STATES):
        due = await next_of_need(db, need)
        values["next_step"] = words_of(visit.language, due, await zone_of(db, visit))
        values["renewable"] = True
    return values
