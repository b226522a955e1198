"""Needs of peers, shown here with their origin. Their owner alone says what they are.

The peer edge calls these after it has verified who speaks; nobody else writes such a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.needs.holding import end_hold, live_hold
from app.domain.needs.rules import search_text_for
from app.domain.profiles import skills
from app.infra import clock
from app.infra.ids import public_id
from app.models.federation import Peer
from app.models.needs import Need, NeedFields, NeedState, SkillWeight

# What travels; all else that a need of ours holds stays with its organisation.
SAID_BY_PEERS = (
    "title", "body", "language", "kind", "stream", "skills_unknown", "tags", "estimate_minutes",
    "places", "urgency", "deadline", "remote", "region", "audience", "link", "beneficiary",
)  # fmt: skip

SHOWN = (NeedState.OPEN, NeedState.PAUSED, NeedState.IN_PROGRESS, NeedState.DONE)


@dataclass(frozen=True)
class Origin:
    """Where a mirrored need lives."""

    peer_id: UUID
    instance: str
    url: str


@dataclass(frozen=True)
class Standing:
    """What the owner says of a need beside its fields."""

    state: NeedState
    organisation_name: str
    version: int
    taken: int
    published_at: datetime
    updated_at: datetime


async def mirror_need(
    session: AsyncSession, need_id: UUID | None, origin: Origin, fields: NeedFields, now: Standing
) -> Need:
    """Store what a need of a peer says by now: the row it already has here, or a new one."""
    need = None if need_id is None else await session.get(Need, need_id)
    fresh = need is None
    # What the stewards here hold stays held; its owner's word counts again once it is released.
    hold = await live_hold(session, need.id) if need else None
    if need is None:
        need = Need(
            id=public_id(),
            organisation_name=now.organisation_name,
            title=fields.title,
            language=fields.language,
        )
    _fill(need, origin, fields, now)
    if hold is not None:
        hold.state_before, need.state, need.state_reason = now.state, NeedState.HELD, hold.reason
    session.add(need)
    record(session, SYSTEM, "need.mirrored" if fresh else "need.mirror_updated", need.id)
    return need


async def forget_need(session: AsyncSession, need_id: UUID) -> None:
    """Empty the row of a need that its owner took back; what it said is gone here as well."""
    need = await session.get(Need, need_id)
    if need is None or need.origin_url is None:
        return
    await end_hold(session, SYSTEM, need.id, "")
    need.state, need.state_reason = NeedState.WITHDRAWN, ""
    need.title, need.body, need.search_text, need.region = "-", "", "", ""
    need.tags, need.link, need.beneficiary = [], None, None
    need.updated_at = clock.now()
    record(session, SYSTEM, "need.mirror_withdrawn", need.id)


async def hide_needs_of(session: AsyncSession, peer_id: UUID) -> None:
    """Take a peer's needs off the lists while we do not exchange with it; reversible."""
    await session.execute(
        update(Need)
        .where(col(Need.peer_id) == peer_id, col(Need.state) != NeedState.WITHDRAWN)
        .values(state_reason=col(Need.state), state=NeedState.WITHDRAWN)
        .execution_options(synchronize_session=False)
    )


async def show_needs_of(session: AsyncSession, peer_id: UUID) -> None:
    """Put a peer's needs back as they were."""
    for state in (*SHOWN, NeedState.HELD):
        await session.execute(
            update(Need)
            .where(
                col(Need.peer_id) == peer_id,
                col(Need.state) == NeedState.WITHDRAWN,
                col(Need.state_reason) == state.value,
            )
            .values(state=state, state_reason="")
            .execution_options(synchronize_session=False)
        )


async def limited_peers(session: AsyncSession) -> Sequence[UUID]:
    """List the peers whose needs are shown only to those who look for that instance."""
    return (await session.exec(select(Peer.id).where(col(Peer.limited)))).all()


async def count_shown_of(session: AsyncSession, peer_id: UUID) -> int:
    """Count a peer's needs that can be read here."""
    of_theirs = col(Need.peer_id) == peer_id, col(Need.state).in_(SHOWN)
    return (await session.exec(select(func.count()).where(*of_theirs))).one()


def _fill(need: Need, origin: Origin, fields: NeedFields, now: Standing) -> None:
    known = [skill for skill in fields.skills if skill.slug in skills.SKILLS]
    for name in SAID_BY_PEERS:
        setattr(need, name, getattr(fields, name))
    need.peer_id, need.origin_instance, need.origin_url = (
        origin.peer_id,
        origin.instance,
        origin.url,
    )
    need.skill_slugs = list(dict.fromkeys(skill.slug for skill in known))
    must = (skill.slug for skill in known if skill.weight == SkillWeight.MUST)
    need.must_slugs = list(dict.fromkeys(must))
    need.state, need.state_reason = now.state, ""
    need.organisation_name, need.version = now.organisation_name, now.version
    # One statement must never hold more places than there are: the CHECK refuses the row.
    need.taken = min(now.taken, fields.places)
    need.published_at, need.updated_at = now.published_at, now.updated_at
    need.search_text = search_text_for(need)
