"""Needs of peers: stored once, moved only by their owner, never back in time."""

import html
import re
from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import nh3
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.needs import mirroring
from app.federation.entries import Entry, Step
from app.federation.rules import NOTHING, Holding, Known, takes_effect
from app.federation.verification import VerifiedMessage
from app.federation.wire.addresses import AddressError, has_room, origin_of
from app.federation.wire.context import PUBLIC
from app.federation.wire.limits import LimitError, check_limits
from app.federation.wire.needs import (
    CreateNeed,
    DeleteNeed,
    Listed,
    Proposal,
    Quantity,
    UpdateNeed,
    minutes_in,
)
from app.federation.wire.problems import NOT_AUTHORISED, RULE, RefusedError
from app.infra import clock
from app.models.base import one_line
from app.models.federation import Peer, PeerInbox, PeerState, RemoteObject
from app.models.needs import (
    Audience,
    Link,
    Need,
    NeedFields,
    NeedKind,
    NeedState,
    Stream,
    Urgency,
)

BODY_CHARACTERS_MAX = 20_000
TITLE_CHARACTERS_MIN = 3
MINUTES_MAX = 60 * 24 * 366
GONE = "gone"
REFUSED = "refused"
# What PostgreSQL and our own texts do not hold; a peer's text loses it instead of failing.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]")
_BREAKS = re.compile(r"<\s*(?:br|/p|/li|/div|/h[1-6])[^>]*>", re.IGNORECASE)
_LINK = TypeAdapter(Link)


async def check_need(_: Step, verified: VerifiedMessage, document: CreateNeed | UpdateNeed) -> None:
    """Only its owner speaks of a need."""
    check_proposal(verified.peer, document.object)


def check_proposal(peer: Peer, need: Proposal) -> None:
    """Refuse a need unless it and all it points to as its own are of its owner's origin."""
    if need.attributedTo != peer.actor_url:
        raise RefusedError(NOT_AUTHORISED, "attributed to somebody else")
    for address in (need.id, need.publishes.id, need.url):
        if origin_of(address) != peer.origin:
            raise RefusedError(NOT_AUTHORISED, "an object of another origin")
    if not has_room(need.id):
        raise RefusedError(RULE, "an address that leaves no room for its parts")
    if need.taken > need.places:
        raise RefusedError(RULE, "more places taken than there are")


async def check_deletion(_: Step, verified: VerifiedMessage, document: DeleteNeed) -> None:
    """Only its owner takes a need back."""
    try:
        same = origin_of(document.object.id) == verified.peer.origin
    except AddressError:
        same = False
    if not same:
        raise RefusedError(NOT_AUTHORISED, "an object of another origin")


async def apply_need(at: Step, document: CreateNeed | UpdateNeed) -> bool:
    """Store what a need says by now; answers False for a version that is not newer."""
    known, anew = await _known(at, document.object.id)
    said = Known(document.object.version, at.sha256)
    if not takes_effect(_as_known(known), said, anew=anew):
        return False
    await store_need(at, known, document.object)
    return True


async def store_need(at: Step, known: RemoteObject, said: Proposal) -> None:
    """Make a need here say what its owner says, whatever it said before."""
    peer, now = at.peer, clock.now()
    need = await mirroring.mirror_need(
        at.session,
        known.need_id,
        mirroring.Origin(peer.id, urlsplit(peer.origin).netloc, said.id),
        fields_of(said),
        mirroring.Standing(
            state=NeedState(said.status),
            organisation_name=line_of(said.organisation),
            version=said.version,
            taken=said.taken,
            # Nobody stands first on every list by a date that is yet to come.
            published_at=min(said.published, now),
            updated_at=min(said.updated, now),
        ),
    )
    known.need_id = need.id
    await _hold(at, known, Known(said.version, at.sha256), said.status)


async def apply_deletion(at: Step, document: DeleteNeed) -> bool:
    """Empty a need that its owner took back; also before we ever saw it, so it stays gone."""
    known, anew = await _known(at, document.object.id)
    said = Known(document.object.version, gone=True)
    if not takes_effect(_as_known(known), said, anew=anew):
        return False
    await remove_need(at, known, said.version)
    return True


async def remove_need(at: Step, known: RemoteObject, version: int) -> None:
    """Empty a need here and keep its tombstone."""
    if known.need_id is not None:
        await mirroring.forget_need(at.session, known.need_id)
    await _hold(at, known, Known(version, gone=True), GONE)


async def remember_unusable(at: Step, activity: dict[str, Any]) -> None:
    """Remember a need that we cannot take as it was sent: both sides still count the same."""
    about = activity.get("object")
    try:
        said = Listed.model_validate(about)
        if origin_of(said.id) != at.peer.origin:
            return
    except (ValidationError, AddressError):
        return
    known, anew = await _known(at, said.id)
    now = Known(said.version, at.sha256)
    if takes_effect(_as_known(known), now, anew=anew):
        await _hold(at, known, now, REFUSED)


async def put_right(at: Step, url: str, document: dict[str, Any]) -> None:
    """Make a need here what its owner's whole manifest says, whatever version we had."""
    known, _ = await _known(at, url)
    try:
        check_limits(document)
        said = Proposal.model_validate(document)
        check_proposal(at.peer, said)
        fields_of(said)
    except (LimitError, ValidationError, RefusedError):
        version = document.get("version")
        now = Known(version if isinstance(version, int) else known.version, at.sha256)
        await _hold(at, known, now, REFUSED)
    else:
        await store_need(at, known, said)


async def let_go(at: Step, url: str) -> None:
    """Remove a need that its owner's whole manifest no longer names."""
    known, _ = await _known(at, url)
    if not known.gone:
        await remove_need(at, known, known.version)


def _as_known(known: RemoteObject) -> Known:
    return Known(known.version, known.sha256, known.gone)


async def _hold(at: Step, known: RemoteObject, now: Known, status: str) -> None:
    """Write what we hold of an object, and the sum of all; the lane's row is ours alone."""
    lane = await at.session.get(PeerInbox, at.peer.id)
    if lane is not None:
        before = Holding(lane.held_count, lane.held_digest)
        after = before.replace(known.url, known.sha256, now.sha256)
        lane.held_count, lane.held_digest = after.count, after.digest
    known.version, known.sha256, known.gone = now.version, now.sha256, now.gone
    known.status, known.updated_at = status, clock.now()


async def load(
    session: AsyncSession,
    peer: Peer,
    about: Sequence[tuple[str, CreateNeed | UpdateNeed | DeleteNeed]],
) -> list[object]:
    """Bring what a batch of messages is about into the session, unknown objects as version 0.

    The caller keeps the answer while it applies the batch.
    """
    rows = [
        {"url": url, "peer_id": peer.id, "epoch": epoch, **_UNKNOWN, "updated_at": clock.now()}
        for url, epoch in {said.object.id: epoch for epoch, said in about}.items()
    ]
    await session.execute(insert(RemoteObject).values(rows).on_conflict_do_nothing())
    urls = [row["url"] for row in rows]
    objects = (
        await session.exec(select(RemoteObject).where(col(RemoteObject.url).in_(urls)))
    ).all()
    need_ids = [known.need_id for known in objects if known.need_id is not None]
    mirrors = (await session.exec(select(Need).where(col(Need.id).in_(need_ids)))).all()
    return [*objects, *mirrors]


_UNKNOWN = {"version": 0, "status": "", "gone": False, "sha256": NOTHING}


async def _known(at: Step, url: str) -> tuple[RemoteObject, bool]:
    """Return what we hold of an object, and whether its owner counts anew since.

    Only the lane of its owner writes it, and one worker at a time runs a lane: no lock.
    """
    known = await at.session.get(RemoteObject, url)
    if known is None:
        known = RemoteObject(url=url, peer_id=at.peer.id, epoch=at.epoch)
        at.session.add(known)
        return known, False
    anew = at.epoch not in {"", known.epoch} and known.version > 0
    if at.epoch:
        known.epoch = at.epoch
    return known, anew


def fields_of(said: Proposal) -> NeedFields:
    """Translate a Proposal into our own fields, with nothing in it that we would not show."""
    title = line_of(said.name)
    values: dict[str, Any] = {
        "title": title if len(title) >= TITLE_CHARACTERS_MIN else f"{title} …",
        "body": _text_of(said),
        "language": said.language,
        "kind": _one_of(NeedKind, said.kind, NeedKind.LABOUR),
        "stream": _one_of(Stream, said.stream, Stream.GIFT),
        "urgency": _one_of(Urgency, said.urgency, Urgency.NORMAL),
        "skills": [{"slug": skill.slug, "weight": skill.weight} for skill in said.skills],
        "skills_unknown": not said.skills,
        "tags": _tags(said),
        "estimate_minutes": _minutes(said.publishes.resourceQuantity),
        "places": said.places,
        "deadline": _day(said),
        "remote": said.remote,
        "region": line_of(said.location.name) if said.location else "",
        "audience": Audience.PUBLIC if said.to == PUBLIC else Audience.PEERS,
        "link": _link(said),
        "beneficiary": line_of(said.beneficiary) if said.beneficiary else None,
    }
    try:
        return NeedFields.model_validate(values)
    except ValidationError as error:
        raise RefusedError(RULE, error.errors()[0]["type"]) from error


def plain_text(markup: str) -> str:
    """Return the text of a piece of HTML: paragraphs as lines, and no markup left at all."""
    with_lines = _BREAKS.sub("\n", markup)
    return html.unescape(nh3.clean(with_lines, tags=set(), attributes={}))


def text_of(markup: str) -> str:
    """Return the text of a piece of HTML as we would keep it."""
    return _printable(plain_text(markup))


def _text_of(said: Proposal) -> str:
    if said.source is None:
        return text_of(said.content)[:BODY_CHARACTERS_MAX]
    return _printable(said.source.content)[:BODY_CHARACTERS_MAX]


def _printable(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("", text).strip()


def line_of(text: str) -> str:
    """Return a text as one line that we would show."""
    return one_line(_UNPRINTABLE.sub(" ", text))


def _tags(said: Proposal) -> list[str]:
    names = (line_of(tag.name.removeprefix("#"))[:60] for tag in said.tag)
    return list(dict.fromkeys(name for name in names if name))


def _minutes(quantity: Quantity | None) -> int | None:
    if quantity is None:
        return None
    minutes = minutes_in(quantity)
    if minutes > MINUTES_MAX:
        raise RefusedError(RULE, "longer than a year")
    return minutes or None


def _day(said: Proposal) -> date | None:
    return said.endTime.date() if said.endTime else None


def _link(said: Proposal) -> str | None:
    for attached in said.attachment:
        try:
            return str(_LINK.validate_python(attached.href))
        except ValidationError:
            continue
    return None


def _one_of(kind: Any, said: str, otherwise: Any) -> Any:
    """Read a word of a list; a newer peer's words that we do not know become the plain one."""
    return kind(said) if said in set(kind) else otherwise


_ACTIVE = frozenset({PeerState.ACTIVE})
ENTRIES = (
    Entry(
        ("Create", "Proposal"),
        CreateNeed,
        _ACTIVE,
        check_need,
        apply_need,
        load=load,
        unusable=remember_unusable,
    ),
    Entry(
        ("Update", "Proposal"),
        UpdateNeed,
        _ACTIVE,
        check_need,
        apply_need,
        load=load,
        unusable=remember_unusable,
    ),
    Entry(("Delete", "Tombstone"), DeleteNeed, _ACTIVE, check_deletion, apply_deletion, load=load),
)
