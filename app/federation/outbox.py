"""What we tell peers: our needs, as they are by now, to those who may see them.

A reaction to "need.published", "need.updated" and "need.withdrawn". It reads the row as it
stands and holds it against what each peer should hold of us already, so it may run late, twice or
once for several changes, and says nothing twice.
"""

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers import queries
from app.federation.peers.audience import SHARED_STATES, is_visible
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.post import Held, Said, send_ordered, write_events
from app.federation.public.notes import announce
from app.federation.rules import content_hash
from app.federation.verification import VerifiedReader
from app.federation.wire.context import NATIVE_CONTEXT, PUBLIC, SKILLS
from app.federation.wire.documents import Message, part_to_wire
from app.federation.wire.needs import (
    CreateNeed,
    DeleteNeed,
    Hashtag,
    Intent,
    Link,
    Place,
    Proposal,
    Skill,
    Source,
    Tombstone,
    UpdateNeed,
    quantity_of,
)
from app.federation.wire.problems import OBJECT_GONE, OBJECT_MISSING, RefusedError
from app.infra import clock
from app.infra.runtime import Runtime
from app.models.activity import Activity
from app.models.federation import Peer, PeerHolding, PeerOutbox, PeerState, Publication
from app.models.needs import Audience, Need

BATCH_MAX = 200
CHECKED_EVERY = timedelta(days=1)
CONTENT_CHARACTERS_MAX = 60_000
SHORTENED = 10_000


async def publish_need(session: AsyncSession, _: Runtime, activity: Activity) -> None:
    """Note that peers are to be told of a need; a worker tells them in batches."""
    noted = insert(Publication).values(need_id=activity.object_id, at=clock.now())
    await session.execute(noted.on_conflict_do_nothing())


async def tell_peers(session: AsyncSession, runtime: Runtime) -> int:
    """Write what peers are told of a batch of noted needs; answers how many needs it held."""
    batch = (
        select(Publication.need_id)
        .order_by(col(Publication.at), col(Publication.need_id))
        .limit(BATCH_MAX)
        .with_for_update(skip_locked=True)
    )
    noted = delete(Publication).where(col(Publication.need_id).in_(batch.scalar_subquery()))
    need_ids = (await session.execute(noted.returning(col(Publication.need_id)))).scalars().all()
    if not need_ids:
        return 0
    ours = await our_identity(session, runtime)
    peers = await queries.active_peers(session)
    needs = await _shareable(session, need_ids)
    held = await _held(session, [need_address(ours, need.id) for need in needs])
    mail = Mail(ours)
    for need in needs:
        mail.add(need, peers, held.get(need_address(ours, need.id), {}))
    await mail.send(session)
    await announce(session, runtime, ours, needs)
    return len(need_ids)


class Mail:
    """Messages about needs, gathered and then written in few statements."""

    def __init__(self, ours: Identity) -> None:
        """Start with nothing to say."""
        self._ours = ours
        self._said: list[Said] = []
        self._held: list[Held] = []
        self._to: dict[UUID, list[int]] = {}

    def add(self, need: Need, peers: Sequence[Peer], held: Mapping[UUID, bytes]) -> None:
        """Say what each peer has to hear of a need: that it is there, changed, or gone.

        `held`: the content that peers should hold of it already. The same is not said twice.
        """
        address = need_address(self._ours, need.id)
        seeing = [peer.id for peer in peers if is_visible(need, peer)]
        if seeing:
            document = proposal_of(self._ours, need)
            now = Held(address, need.version, content_hash(part_to_wire(document)))
            self._say(need, CreateNeed, now, [at for at in seeing if at not in held])
            changed = [at for at in seeing if held.get(at, now.sha256) != now.sha256]
            self._say(need, UpdateNeed, now, changed)
        gone = [peer.id for peer in peers if peer.id in held and peer.id not in seeing]
        self._say(need, DeleteNeed, Held(address, need.version), gone)

    def forget(self, url: str, version: int, peer_id: UUID) -> None:
        """Say of an object that is no longer among our needs at all that it is gone."""
        about = Tombstone(id=url, version=version, deleted=clock.now())
        message = _message(self._ours, DeleteNeed, about, self._ours.peers_audience)
        self._add(message, Held(url, version), [peer_id])

    def _say(self, need: Need, kind: type[Message], held: Held, peer_ids: Sequence[UUID]) -> None:
        if peer_ids:
            self._add(message_of(self._ours, need, kind), held, peer_ids)

    def _add(self, message: Message, held: Held, peer_ids: Sequence[UUID]) -> None:
        self._said.append(Said(message, held.url, held.version, listed=True))
        self._held.append(held)
        for peer_id in peer_ids:
            self._to.setdefault(peer_id, []).append(len(self._said) - 1)

    async def send(self, session: AsyncSession) -> int:
        """Write everything and number it for each peer, peers in the order of all writers."""
        event_ids = await write_events(session, self._said)
        for peer_id in sorted(self._to):
            places = self._to[peer_id]
            held = [self._held[at] for at in places]
            await send_ordered(session, peer_id, [event_ids[at] for at in places], held)
        return len(event_ids)


async def publish_existing(session: AsyncSession, runtime: Runtime, activity: Activity) -> int:
    """Bring a peer that has just become active, or is so again, up to date; answers how much."""
    return await bring_up_to_date(session, runtime, activity.object_id)


async def check_told(session: AsyncSession, runtime: Runtime) -> int:
    """Once a day, say to each peer what it should hold and was not told; answers how much.

    Whatever was forgotten on the way, or is spelled anew by a newer version of ours, is found here.
    """
    due = (
        select(PeerOutbox)
        .join(Peer, col(Peer.id) == col(PeerOutbox.peer_id))
        .where(
            col(Peer.state) == PeerState.ACTIVE,
            col(PeerOutbox.checked_at) < clock.now() - CHECKED_EVERY,
        )
        .limit(1)
        .with_for_update(skip_locked=True, of=PeerOutbox)
    )
    lane = (await session.exec(due)).first()
    if lane is None:
        return 0
    lane.checked_at = clock.now()
    await session.flush()
    return 1 + await bring_up_to_date(session, runtime, lane.peer_id)


async def bring_up_to_date(session: AsyncSession, runtime: Runtime, peer_id: UUID) -> int:
    """Say whatever differs between our needs and what a peer should hold of them."""
    peer = await session.get(Peer, peer_id, populate_existing=True)
    if peer is None or peer.state != PeerState.ACTIVE:
        return 0
    ours = await our_identity(session, runtime)
    rows = await session.exec(select(PeerHolding).where(PeerHolding.peer_id == peer.id))
    held = {row.url: row for row in rows.all()}
    mail = Mail(ours)
    for need in await _shareable(session):
        known = held.pop(need_address(ours, need.id), None)
        mail.add(need, [peer], {peer.id: known.sha256} if known else {})
    for url, row in held.items():
        mail.forget(url, row.version + 1, peer.id)
    return await mail.send(session)


async def _shareable(
    session: AsyncSession, need_ids: Sequence[UUID] | None = None
) -> Sequence[Need]:
    """Read needs of ours that were ever published: all, or those of a batch."""
    statement = select(Need).where(
        col(Need.origin_url).is_(None), col(Need.published_at).is_not(None)
    )
    if need_ids is not None:
        statement = statement.where(col(Need.id).in_(need_ids))
    statement = statement.order_by(col(Need.published_at), col(Need.id))
    return (await session.exec(statement.execution_options(populate_existing=True))).all()


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


def need_address(ours: Identity, need_id: UUID) -> str:
    """Return the address of a need of ours: its page for people, its Proposal for peers."""
    return f"{ours.origin}/needs/{need_id}"


def message_of(ours: Identity, need: Need, kind: type[Message]) -> Message:
    """Write what peers are told of a need."""
    about = tombstone_of(ours, need) if kind is DeleteNeed else proposal_of(ours, need)
    return _message(ours, kind, about, _audience(ours, need))


def _message(ours: Identity, kind: type[Message], about: Proposal | Tombstone, to: str) -> Message:
    return kind.model_validate(
        {
            "context": NATIVE_CONTEXT,
            "id": ours.new_id("activities"),
            "actor": ours.actor_url,
            "to": to,
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
        content=_content(need.body),
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
        resourceQuantity=quantity_of(need.estimate_minutes) if need.estimate_minutes else None,
    )


def _skills(need: Need) -> tuple[Skill, ...]:
    must = set(need.must_slugs)
    return tuple(
        Skill(slug=slug, weight="must" if slug in must else "nice") for slug in need.skill_slugs
    )


def _audience(ours: Identity, need: Need) -> str:
    return PUBLIC if need.audience == Audience.PUBLIC else ours.peers_audience


def _content(text: str) -> str:
    """Write text for readers that only know `content`; ours read the source, which is whole."""
    written = _paragraphs(text)
    # Escaping can make a text five times as long.
    return written if len(written) <= CONTENT_CHARACTERS_MAX else _paragraphs(text[:SHORTENED])


def _paragraphs(text: str) -> str:
    parts = (part.strip() for part in text.split("\n\n"))
    return "".join(
        f"<p>{html.escape(part, quote=False).replace(chr(10), '<br>')}</p>"
        for part in parts
        if part
    )


async def _held(session: AsyncSession, addresses: Sequence[str]) -> dict[str, dict[UUID, bytes]]:
    """Find for each object the peers that should hold it, and with which content."""
    statement = select(PeerHolding).where(col(PeerHolding.url).in_(addresses))
    found: dict[str, dict[UUID, bytes]] = {}
    for row in (await session.exec(statement)).all():
        found.setdefault(row.url, {})[row.peer_id] = row.sha256
    return found
