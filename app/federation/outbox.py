"""What we tell peers: our needs, as they are by now, to those who may see them.

A reaction to "need.published", "need.updated" and "need.withdrawn". It reads the row as it
stands, so it may run late, twice or once for several changes: peers go by the version.
"""

import html
from collections.abc import Sequence
from datetime import UTC, datetime, time
from fractions import Fraction
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers import queries
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.post import send_ordered, write_event
from app.federation.verification import VerifiedReader
from app.federation.wire.context import NATIVE_CONTEXT, PUBLIC, SKILLS
from app.federation.wire.documents import Message
from app.federation.wire.needs import (
    CreateNeed,
    DeleteNeed,
    Hashtag,
    Intent,
    Link,
    Place,
    Proposal,
    Quantity,
    Skill,
    Source,
    Status,
    Tombstone,
    UpdateNeed,
)
from app.federation.wire.problems import OBJECT_GONE, OBJECT_MISSING, RefusedError
from app.infra import clock
from app.infra.runtime import Runtime
from app.models.activity import Activity
from app.models.federation import Delivery, FederationEvent, Peer, PeerState
from app.models.needs import Audience, Need, NeedState

SHARED_STATES: dict[NeedState, Status] = {
    NeedState.OPEN: "open",
    NeedState.PAUSED: "paused",
    NeedState.IN_PROGRESS: "in_progress",
    NeedState.DONE: "done",
}
SECONDS_PER_MINUTE = 60
MINUTES_PER_HOUR = 60
EXISTING_BATCH = 200


async def publish_need(session: AsyncSession, runtime: Runtime, activity: Activity) -> int:
    """Tell every peer that may know of a need what it is by now; answers to how many."""
    need = await session.get(Need, activity.object_id, populate_existing=True)
    if need is None or need.origin_url is not None or need.published_at is None:
        return 0
    ours = await our_identity(session, runtime)
    peers = await queries.active_peers(session)
    told = await _told(session, need_address(ours, need.id))
    seeing = {peer.id for peer in peers if is_visible(need, peer)}
    groups = (
        (CreateNeed, [peer.id for peer in peers if peer.id in seeing - told]),
        (UpdateNeed, [peer.id for peer in peers if peer.id in seeing & told]),
        (DeleteNeed, [peer.id for peer in peers if peer.id in told - seeing]),
    )
    for kind, peer_ids in groups:
        if peer_ids:
            event_id = await _write(session, ours, need, kind)
            for peer_id in peer_ids:
                await send_ordered(session, peer_id, [event_id])
    return sum(len(peer_ids) for _, peer_ids in groups)


async def publish_existing(session: AsyncSession, runtime: Runtime, activity: Activity) -> int:
    """Bring a peer that has just become active, or is so again, up to date; answers how much."""
    peer = await session.get(Peer, activity.object_id, populate_existing=True)
    if peer is None or peer.state != PeerState.ACTIVE:
        return 0
    ours = await our_identity(session, runtime)
    told = await _told_to(session, peer.id)
    event_ids = []
    for need in await _published(session):
        before, version = told.get(need_address(ours, need.id), ("Delete", 0))
        visible = is_visible(need, peer)
        if visible and (before == "Delete" or version != need.version):
            kind = CreateNeed if before == "Delete" else UpdateNeed
            event_ids.append(await _write(session, ours, need, kind))
        elif before != "Delete" and not visible:
            event_ids.append(await _write(session, ours, need, DeleteNeed))
    for start in range(0, len(event_ids), EXISTING_BATCH):
        await send_ordered(session, peer.id, event_ids[start : start + EXISTING_BATCH])
    return len(event_ids)


async def _published(session: AsyncSession) -> Sequence[Need]:
    statement = (
        select(Need)
        .where(col(Need.origin_url).is_(None), col(Need.published_at).is_not(None))
        .order_by(col(Need.published_at), col(Need.id))
    )
    return (await session.exec(statement)).all()


async def need_document(
    session: AsyncSession, runtime: Runtime, need_id: UUID, reader: VerifiedReader | None
) -> Proposal:
    """Return a need for whoever may read it; for all others it does not exist."""
    need = await session.get(Need, need_id)
    if need is None or need.origin_url is not None or need.published_at is None:
        raise RefusedError(OBJECT_MISSING)
    public = need.audience == Audience.PUBLIC
    if not public and (reader is None or not is_visible(need, reader.peer, in_any_state=True)):
        raise RefusedError(OBJECT_MISSING)
    if need.state not in SHARED_STATES:
        raise RefusedError(OBJECT_GONE)
    return proposal_of(await our_identity(session, runtime), need)


def is_visible(need: Need, peer: Peer, *, in_any_state: bool = False) -> bool:
    """Whether a peer may know of a need of ours."""
    if need.state not in SHARED_STATES and not in_any_state:
        return False
    if need.audience == Audience.NAMED_PEERS:
        return str(peer.id) in need.audience_peers
    return need.audience in {Audience.PEERS, Audience.PUBLIC}


def need_address(ours: Identity, need_id: UUID) -> str:
    """Return the address of a need of ours: its page for people, its Proposal for peers."""
    return f"{ours.origin}/needs/{need_id}"


def message_of(ours: Identity, need: Need, kind: type[Message]) -> Message:
    """Write what peers are told of a need."""
    about = tombstone_of(ours, need) if kind is DeleteNeed else proposal_of(ours, need)
    return kind.model_validate(
        {
            "context": NATIVE_CONTEXT,
            "id": ours.new_id("activities"),
            "actor": ours.actor_url,
            "to": _audience(ours, need),
            "published": clock.now(),
            "object": about,
        }
    )


def proposal_of(ours: Identity, need: Need) -> Proposal:
    """Describe a need of ours to peers."""
    address = need_address(ours, need.id)
    return Proposal(
        id=address,
        version=need.version,
        status=SHARED_STATES[need.state],
        attributedTo=ours.actor_url,
        name=need.title,
        content=_paragraphs(need.body),
        source=Source(content=need.body) if need.body else None,
        published=need.published_at or need.created_at,
        updated=need.updated_at,
        endTime=(datetime.combine(need.deadline, time(23, 59, 59), UTC) if need.deadline else None),
        location=Place(name=need.region) if need.region else None,
        publishes=_intent(address, need),
        url=address,
        to=_audience(ours, need),
        organisation=need.organisation_name,
        language=need.language,
        kind=need.kind,
        stream=need.stream,
        urgency=need.urgency,
        places=need.places,
        taken=need.taken,
        remote=need.remote,
        skills=_skills(need),
        tag=tuple(Hashtag(name=f"#{tag}") for tag in need.tags),
        attachment=(Link(href=need.link),) if need.link else (),
        beneficiary=need.beneficiary or None,
    )


def tombstone_of(ours: Identity, need: Need) -> Tombstone:
    """Say of a need of ours that it is gone for the reader."""
    return Tombstone(id=need_address(ours, need.id), version=need.version, deleted=need.updated_at)


def _intent(address: str, need: Need) -> Intent:
    leading = need.must_slugs or need.skill_slugs
    return Intent(
        id=f"{address}#primary",
        action="transfer" if need.kind == "money_record" else "deliverService",
        resourceConformsTo=f"{SKILLS}{leading[0]}" if leading else None,
        resourceQuantity=_quantity(need.estimate_minutes),
    )


def _quantity(minutes: int | None) -> Quantity | None:
    if minutes is None:
        return None
    hours = Fraction(minutes, MINUTES_PER_HOUR)
    # Quarters of an hour are exact as a decimal; other figures are said in seconds.
    if (hours * 4).denominator == 1:
        return Quantity(hasUnit="hour", hasNumericalValue=f"{float(hours):g}")
    return Quantity(hasUnit="second", hasNumericalValue=str(minutes * SECONDS_PER_MINUTE))


def _skills(need: Need) -> tuple[Skill, ...]:
    must = set(need.must_slugs)
    return tuple(
        Skill(slug=slug, weight="must" if slug in must else "nice") for slug in need.skill_slugs
    )


def _audience(ours: Identity, need: Need) -> str:
    return PUBLIC if need.audience == Audience.PUBLIC else ours.peers_audience


def _paragraphs(text: str) -> str:
    """Write text as HTML for readers that only know `content`; ours read the source."""
    parts = (part.strip() for part in text.split("\n\n"))
    return "".join(
        f"<p>{html.escape(part, quote=False).replace(chr(10), '<br>')}</p>"
        for part in parts
        if part
    )


async def _write(session: AsyncSession, ours: Identity, need: Need, kind: type[Message]) -> int:
    return await write_event(
        session,
        message_of(ours, need, kind),
        object_url=need_address(ours, need.id),
        object_version=need.version,
    )


async def _told(session: AsyncSession, address: str) -> set[UUID]:
    """Find the peers whose last word from us about an object was not that it is gone."""
    statement = (
        select(col(Delivery.peer_id), col(FederationEvent.activity_type))
        .join(FederationEvent, col(FederationEvent.id) == col(Delivery.event_id))
        .where(col(FederationEvent.object_url) == address)
        .order_by(col(Delivery.id))
    )
    last = dict((await session.exec(statement)).all())
    return {peer_id for peer_id, kind in last.items() if kind != "Delete"}


async def _told_to(session: AsyncSession, peer_id: UUID) -> dict[str, tuple[str, int]]:
    """Return our last word to a peer about each object: the type of message and the version."""
    statement = (
        select(
            col(FederationEvent.object_url),
            col(FederationEvent.activity_type),
            col(FederationEvent.object_version),
        )
        .join(Delivery, col(FederationEvent.id) == col(Delivery.event_id))
        .where(col(Delivery.peer_id) == peer_id, col(FederationEvent.object_url) != "")
        .order_by(col(Delivery.id))
    )
    rows = (await session.exec(statement)).all()
    return {url: (kind, version) for url, kind, version in rows}
