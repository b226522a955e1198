"""How long an organisation usually takes: to answer an application, and to look at finished work.

Read from the history of its claims. It says nothing of anybody who works, ranks nobody, and says
nothing at all where there is too little to stand on. An application that nobody answered counts
with the time until it ended by itself.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra import clock

WINDOW = timedelta(days=90)
STANDS_ON_MIN = 3
HOUR_SECONDS, HOURS_A_DAY = 3600, 24
MEDIANS = text("""
    SELECT began.to_state AS what, count(*) AS number, percentile_cont(0.5) WITHIN GROUP
        (ORDER BY extract(epoch FROM ended.at - began.at)) AS seconds
    FROM needs
    JOIN claims ON claims.need_id = needs.id AND claims.updated_at > :since
    JOIN claim_history AS began
        ON began.claim_id = claims.id AND began.to_state IN ('applied', 'submitted')
    JOIN LATERAL (
        SELECT at, to_state FROM claim_history
        WHERE claim_id = claims.id AND id > began.id ORDER BY id LIMIT 1
    ) AS ended ON ended.at > :since
    WHERE needs.organisation_id = :organisation AND ended.to_state IN (
        'accepted', 'declined', 'expired', 'confirmed', 'changes_requested', 'disputed',
        'panel_review'
    )
    GROUP BY began.to_state
""")


@dataclass(frozen=True)
class AnswerTime:
    """A usual time in whole hours, and how many answers it stands on."""

    hours: int
    stands_on: int

    @property
    def days(self) -> int | None:
        """The same in whole days, from two days on."""
        return ceil(self.hours / HOURS_A_DAY) if self.hours > HOURS_A_DAY else None


@dataclass(frozen=True)
class AnswerTimes:
    """How long an organisation usually takes; None where there is too little to say."""

    applications: AnswerTime | None = None
    work: AnswerTime | None = None


async def answer_times(session: AsyncSession, organisation_id: UUID) -> AnswerTimes:
    """Return the medians of the last 90 days."""
    values = {"organisation": organisation_id, "since": clock.now() - WINDOW}
    found = {
        row.what: AnswerTime(max(1, ceil(row.seconds / HOUR_SECONDS)), row.number)
        for row in await session.execute(MEDIANS, values)
        if row.number >= STANDS_ON_MIN
    }
    return AnswerTimes(found.get("applied"), found.get("submitted"))
