"""Repair: reading a peer's whole manifest and mending what differs here.

    due_for_repair ── new epoch, two mismatches in a row, back after a pause, or a day has passed
        └─ repair ── all pages of the manifest, whole and of one moment, or nothing follows
             └─ the objects that differ, each held against the hash that the manifest signed
                  └─ written in one transaction, if no message has moved us on meanwhile

Nothing is forgotten here on the word of a part. What is missing in the whole is gone: its owner
withdrew it, or may no longer show it to us.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import or_
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.federation.entries import Step
from app.federation.handlers import needs
from app.federation.peers.reading import Reader, ReadError, read_object, read_signed, reader_of
from app.federation.rules import (
    NOTHING,
    Holding,
    Manifest,
    ManifestBrokenError,
    Page,
    Plan,
    content_hash,
    holding_of,
    join_pages,
    may_repair,
    plan_repair,
)
from app.federation.wire.addresses import AddressError, origin_of
from app.federation.wire.limits import NODES_MAX
from app.federation.wire.manifest import (
    MANIFEST_ITEMS_MAX,
    MANIFEST_MEMBERS,
    ManifestPage,
)
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.federation import Peer, PeerInbox, PeerState, RemoteObject

COMPARED_EVERY = timedelta(days=1)
# A peer takes two hundred and forty requests a minute of us, messages included: the rest of a
# long repair follows a minute later.
OBJECTS_AT_ONCE = 100
READERS_MAX = 4
PAGES_MAX = 1000
NOT_TAKEN = b"not taken"
MORE_AFTER = timedelta(minutes=1)
AGAIN_AFTER_SECONDS = (60, 300, 900, 3600, 21_600)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Mended:
    """What a repair did."""

    read: int = 0
    removed: int = 0
    whole: bool = True


async def due_for_repair(session: AsyncSession, *only: UUID) -> Sequence[UUID]:
    """List active peers whose manifest is to be read now; of `only` these, when given."""
    now = clock.now()
    statement = (
        select(col(PeerInbox.peer_id))
        .join(Peer, col(Peer.id) == col(PeerInbox.peer_id))
        .where(
            col(Peer.state) == PeerState.ACTIVE,
            col(PeerInbox.repair_after) <= now,
            or_(col(PeerInbox.manifest_due), col(PeerInbox.compared_at) < now - COMPARED_EVERY),
        )
        .order_by(col(PeerInbox.compared_at))
    )
    if only:
        statement = statement.where(col(PeerInbox.peer_id).in_(only))
    return (await session.exec(statement)).all()


async def repair(runtime: Runtime, peer_id: UUID) -> Mended:
    """Make what we hold of a peer what its manifest says; the caller has read its log before."""
    async with transaction(runtime.sessions) as session:
        reader = await reader_of(session, runtime, peer_id)
        held = await _held(session, peer_id)
    if reader is None:
        return Mended()
    try:
        manifest = await _read_manifest(reader)
        plan = plan_repair(held, manifest)
        # What we could not take is tried again, after everything else.
        first = sorted(plan.read, key=lambda url: held.get(url) == NOT_TAKEN)
        documents = await _read_objects(reader, manifest, first[:OBJECTS_AT_ONCE])
        async with transaction(runtime.sessions) as session:
            mended = await _mend(session, runtime, manifest, (peer_id, plan, documents))
    except (ReadError, ManifestBrokenError, SQLAlchemyError) as error:
        _log.warning("repair failed", peer=str(peer_id), error=str(error)[:200])
        await _rest(runtime, peer_id)
        return Mended(whole=False)
    return mended


async def _held(session: AsyncSession, peer_id: UUID) -> Mapping[str, bytes]:
    """Return the content of what we hold; what we could not take counts as not held once more."""
    statement = select(RemoteObject.url, RemoteObject.sha256, RemoteObject.status).where(
        RemoteObject.peer_id == peer_id, RemoteObject.sha256 != NOTHING
    )
    rows = (await session.exec(statement)).all()
    return {url: NOT_TAKEN if status == needs.REFUSED else sha256 for url, sha256, status in rows}


async def _read_manifest(reader: Reader) -> Manifest:
    """Read all pages; raises unless they are whole and of one moment."""
    pages: list[Page] = []
    read, after = 0, ""
    while len(pages) < PAGES_MAX:
        page = await _read_page(reader, after)
        pages.append(page)
        if page.stand != pages[0].stand:
            raise ManifestBrokenError("changed while it was read")
        read += len(page.objects)
        if not page.objects or read >= page.holding.count:
            break
        after = page.objects[-1][0]
    manifest = join_pages(pages)
    for url in manifest.objects:
        _check_own(reader, url)
    return manifest


async def _read_page(reader: Reader, after: str) -> Page:
    query = f"after={quote(after, safe='')}&limit={MANIFEST_ITEMS_MAX}"
    nodes_max = MANIFEST_ITEMS_MAX * MANIFEST_MEMBERS + 100
    raw = await read_signed(reader, f"/fed/v1/manifest?{query}", nodes_max=nodes_max)
    try:
        return ManifestPage.model_validate(raw).as_rules_read_it()
    except ValidationError as error:
        raise ReadError("no page of a manifest") from error


def _check_own(reader: Reader, url: str) -> None:
    try:
        own = origin_of(url) == reader.peer.origin
    except AddressError:
        own = False
    if not own:
        raise ManifestBrokenError("an object of another origin")


async def _read_objects(
    reader: Reader, manifest: Manifest, urls: Sequence[str]
) -> Mapping[str, dict[str, Any]]:
    """Read objects; what is not as the manifest says is left out, for a message tells of it."""
    places = asyncio.Semaphore(READERS_MAX)

    async def read(url: str) -> tuple[str, Any]:
        async with places:
            try:
                return url, await read_object(reader, url, nodes_max=NODES_MAX)
            except ReadError as error:
                _log.info("object not read", url=url, error=str(error)[:200])
                return url, None

    found = await asyncio.gather(*(read(url) for url in urls))
    return {
        url: {name: value for name, value in raw.items() if name != "@context"}
        for url, raw in found
        if isinstance(raw, dict) and content_hash(raw) == manifest.objects[url][1]
    }


async def _mend(
    session: AsyncSession,
    runtime: Runtime,
    manifest: Manifest,
    work: tuple[UUID, Plan, Mapping[str, dict[str, Any]]],
) -> Mended:
    """Write what was read and forget what is gone, if we still stand where the manifest does."""
    peer_id, plan, documents = work
    lane = await session.get(PeerInbox, peer_id, with_for_update=True, populate_existing=True)
    # In the order of the inbox. Its stewards' word waits for us, or we have heard it.
    key_share = {"key_share": True}
    peer = await session.get(Peer, peer_id, with_for_update=key_share, populate_existing=True)
    if peer is None or lane is None or not may_repair(manifest, lane.epoch, lane.applied_seq):
        raise ManifestBrokenError("we have moved on meanwhile")
    if peer.state != PeerState.ACTIVE:
        raise ManifestBrokenError("no peer of ours any more")
    before = lane.held_digest
    for url, document in documents.items():
        at = Step(session, runtime, peer, manifest.epoch, manifest.objects[url][1])
        await needs.put_right(at, url, document)
    for url in plan.forget:
        await needs.let_go(Step(session, runtime, peer, manifest.epoch), url)
    await session.flush()
    return _close(session, lane, before, manifest, (plan, len(documents)))


def _close(
    session: AsyncSession,
    lane: PeerInbox,
    before: bytes,
    manifest: Manifest,
    work: tuple[Plan, int],
) -> Mended:
    """Note how it ended, and tell stewards when anything was mended."""
    (plan, read), now = work, clock.now()
    whole = Holding(lane.held_count, lane.held_digest) == holding_of(
        (url, sha256) for url, (_, sha256) in manifest.objects.items()
    )
    mended = Mended(read, len(plan.forget), whole)
    if whole:
        lane.manifest_due, lane.mismatches, lane.repair_failures = False, 0, 0
        lane.compared_at = now
    elif read:
        lane.manifest_due, lane.repair_after = True, now + MORE_AFTER
    else:
        _pause(lane)
    if lane.held_digest != before:
        lane.repaired_at = now
        record(session, SYSTEM, "peer.repaired", lane.peer_id, needs=read, removed=mended.removed)
    return mended


def _pause(lane: PeerInbox) -> None:
    step = min(lane.repair_failures, len(AGAIN_AFTER_SECONDS) - 1)
    lane.repair_after = clock.now() + timedelta(seconds=AGAIN_AFTER_SECONDS[step])
    lane.repair_failures += 1


async def _rest(runtime: Runtime, peer_id: UUID) -> None:
    async with transaction(runtime.sessions) as session:
        lane = await session.get(PeerInbox, peer_id, with_for_update=True)
        if lane is not None:
            _pause(lane)
