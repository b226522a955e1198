"""What matching reads of a need and of a worker, each in one statement."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.matching.rules import (
    BUSY_STATES,
    OFFICE_HOURS,
    Moment,
    NeedFacts,
    WorkerFacts,
    free_minutes,
)
from app.infra import clock
from app.infra.week import week_of
from app.models.needs import Need, Urgency
from app.models.organisations import Organisation

# Of a row of profiles named `f`: the skills, and the minutes of what is taken on and not handed in.
_BUSY = ", ".join(f"'{state.value}'" for state in BUSY_STATES)
HELD = "ARRAY(SELECT s.slug FROM profile_skills s WHERE s.account_id = {0}) AS skills"
PROMISED = f"""(SELECT coalesce(sum(t.estimate_minutes), 0)::int
    FROM claims c JOIN needs t ON t.id = c.need_id
    WHERE c.account_id = {{0}} AND c.state IN ({_BUSY})) AS promised"""  # noqa: S608 - our own states
_WORKER = text(f"""
SELECT f.languages, f.hours_per_week, f.time_zone, f.availability, f.updated_at AS saved_at,
       {HELD.format("f.account_id")}, {PROMISED.format("f.account_id")}
FROM profiles f WHERE f.account_id = :account_id
""")  # noqa: S608 - as above


def moment_now() -> Moment:
    """Return now and the week that hours are compared in."""
    now = clock.now()
    return Moment(now, week_of(now))


async def need_facts(session: AsyncSession, need: Need) -> NeedFacts:
    """Return what matching reads of a need; its age counts as in the postings."""
    posted = func.match_posted_at(Need.source, func.coalesce(Need.published_at, Need.created_at))
    zone_of_need = func.coalesce(Need.time_zone, Organisation.time_zone)
    statement = (
        select(posted, zone_of_need, Organisation.working_hours)
        .select_from(Need)
        .outerjoin(Organisation, col(Organisation.id) == Need.organisation_id)
        .where(Need.id == need.id)
    )
    posted_at, zone, hours = (await session.exec(statement)).one()
    return NeedFacts(
        skills=frozenset(need.skill_slugs),
        must=frozenset(need.must_slugs),
        language=need.language,
        estimate_minutes=need.estimate_minutes,
        urgent=need.urgency == Urgency.HIGH,
        posted_at=posted_at,
        rhythm=(hours or OFFICE_HOURS, zone) if zone else None,
    )


async def worker_facts(session: AsyncSession, account_id: UUID) -> WorkerFacts | None:
    """Return what matching reads of a worker; None before there is a profile."""
    await session.flush()  # a statement in words does not see what was not written yet
    found = await session.execute(_WORKER, {"account_id": account_id})
    row = found.mappings().first()
    return worker_facts_of(row) if row else None


def worker_facts_of(row: Mapping[Any, Any]) -> WorkerFacts:
    """Read the facts of a worker from a row of profiles with HELD and PROMISED."""
    grid = row["availability"]
    return WorkerFacts(
        skills=frozenset(row["skills"]),
        languages=frozenset(row["languages"]),
        free_minutes=free_minutes(row["hours_per_week"], row["promised"]),
        saved_at=row["saved_at"],
        rhythm=(grid, row["time_zone"]) if grid else None,
    )
