"""The manifest: what it says, when it is read, and that nothing follows from half of one."""

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select, update

from app.domain.needs import mirroring
from app.federation import repair, sync
from app.federation.outbox import proposal_of
from app.federation.peers.epochs import begin_epochs
from app.federation.rules import Page, content_hash, holding_of
from app.federation.wire.documents import part_to_wire
from app.infra import clock
from app.infra.database import transaction
from app.models.activity import Activity
from app.models.federation import (
    IncomingMessage,
    IncomingState,
    PeerHolding,
    PeerInbox,
    RemoteObject,
)
from app.models.needs import Need
from app.workers.federation import process_inbox
from tests.factories.holdings import back_to_now, held, in_step, told
from tests.factories.instances import Instance, Pair, activity, proposal, tombstone
from tests.factories.world import Json, Person

_STALE = count(901)


async def owner_of(pair: Pair) -> tuple[Person, Json]:
    """Return somebody at north who posts needs; made once for a module."""
    north = pair.north
    found = (await north.stranger().get("/organisations"))["items"]
    if found:
        return next(each for each in north.people if each.me.get("posts")), found[0]
    owner = await north.sign_up("owner")
    owner.me["posts"] = True
    return owner, await north.organisation(owner)


async def need_at(pair: Pair, title: str, **changes: Any) -> Json:
    owner, organisation = await owner_of(pair)
    need: Json = await pair.north.open_need(
        owner, organisation, **{"title": title, "audience": "public", **changes}
    )
    return need


async def lane(instance: Instance) -> PeerInbox:
    async with instance.runtime.sessions() as session:
        return (await session.exec(select(PeerInbox))).one()


async def ask_for_repair(instance: Instance) -> None:
    """Let the next sweep read the manifest."""
    async with transaction(instance.runtime.sessions) as session:
        await session.execute(
            update(PeerInbox).values(manifest_due=True, repair_after=clock.now(), repair_failures=0)
        )


async def titles(instance: Instance) -> set[str]:
    """Return what visitors of an instance see of its peers' needs."""
    return {need.title for need in await instance.mirrored() if need.state != "withdrawn"}


async def make_stale(pair: Pair) -> str:
    """Let south hold a need that north does not know of."""
    number = next(_STALE)
    said = activity(pair.north.origin, "Create", proposal(pair.north.origin, number, name="Stale"))
    assert (await pair.tell(said)).status_code == 202
    await process_inbox(pair.south.runtime)
    assert "Stale" in await titles(pair.south)
    return f"{pair.north.origin}/needs/{number}"


async def test_each_message_says_what_its_reader_should_hold(old_friends: Pair) -> None:
    need = await need_at(old_friends, "Counted")
    await old_friends.work()
    (url,) = [url for url in await told(old_friends.north) if url.endswith(need["id"])]
    async with old_friends.north.runtime.sessions() as session:
        row = await session.get(Need, need["id"])
    assert row is not None
    document = part_to_wire(proposal_of(await old_friends.north.identity(), row))
    assert (await told(old_friends.north))[url] == content_hash(document)
    assert await in_step(old_friends)
    assert (await lane(old_friends.south)).mismatches == 0


async def test_two_mismatches_in_a_row_lead_to_the_manifest(old_friends: Pair) -> None:
    await make_stale(old_friends)
    await need_at(old_friends, "First after")
    await old_friends.work()
    assert (await lane(old_friends.south)).mismatches == 1
    assert "Stale" in await titles(old_friends.south)
    await need_at(old_friends, "Second after")
    await old_friends.work()
    assert {"First after", "Second after"} <= await titles(old_friends.south)
    assert "Stale" not in await titles(old_friends.south)
    assert await in_step(old_friends)
    async with old_friends.south.runtime.sessions() as session:
        noted = select(Activity).where(Activity.verb == "peer.repaired")
        (repaired,) = (await session.exec(noted)).all()
    assert repaired.details == {"needs": 0, "removed": 1}


async def test_a_day_later_all_is_compared_and_what_is_missing_is_read(old_friends: Pair) -> None:
    need = await need_at(old_friends, "Lost here")
    await old_friends.work()
    url = f"{old_friends.north.origin}/needs/{need['id']}"
    async with transaction(old_friends.south.runtime.sessions) as session:
        row = await session.get(RemoteObject, url)
        assert row is not None
        row.sha256, row.version = b"?" * 32, 99
        lost = await session.get(Need, row.need_id)
        assert lost is not None
        lost.title = "Spoiled"
    assert "Spoiled" in await titles(old_friends.south)
    with clock.moved(timedelta(hours=25)):
        await process_inbox(old_friends.south.runtime)
    await back_to_now(old_friends)
    assert "Lost here" in await titles(old_friends.south)
    async with old_friends.south.runtime.sessions() as session:
        row = await session.get(RemoteObject, url)
    assert row is not None
    assert (row.version, row.sha256) == (need["version"], (await told(old_friends.north))[url])
    # The sum was spoiled by hand as well: it is what south counts by from now on.
    async with transaction(old_friends.south.runtime.sessions) as session:
        await session.execute(
            update(PeerInbox).values(
                held_count=len(await told(old_friends.north)),
                held_digest=await digest_of(old_friends.north),
            )
        )
    assert await in_step(old_friends)


async def digest_of(instance: Instance) -> bytes:
    return holding_of((await told(instance)).items()).digest


async def test_manifest_changes_while_being_read(
    old_friends: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await need_at(old_friends, "Page one")
    await need_at(old_friends, "Page two")
    await old_friends.work()
    await make_stale(old_friends)
    monkeypatch.setattr(repair, "MANIFEST_ITEMS_MAX", 1)
    real, pages = repair._read_page, []

    async def change_after_the_first(*args: Any) -> Page:
        page = await real(*args)
        pages.append(page)
        if len(pages) == 1:
            await need_at(old_friends, "While it was read")
            await old_friends.north.write_mail()
        return page

    monkeypatch.setattr(repair, "_read_page", change_after_the_first)
    await ask_for_repair(old_friends.south)
    await process_inbox(old_friends.south.runtime)
    assert len(pages) == 2
    assert "Stale" in await titles(old_friends.south)  # nothing follows from it
    assert (await lane(old_friends.south)).repair_failures == 1
    await ask_for_repair(old_friends.south)
    await process_inbox(old_friends.south.runtime)
    assert "Stale" not in await titles(old_friends.south)
    await old_friends.work()
    assert "While it was read" in await titles(old_friends.south)
    assert await in_step(old_friends)


async def test_truncated_page(old_friends: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    await need_at(old_friends, "Kept anyway")
    await old_friends.work()
    real = part_to_wire
    before = await titles(old_friends.south)

    def without_the_last(document: Any) -> Json:
        written = real(document)
        written["items"] = written["items"][:-1]
        return written

    with monkeypatch.context() as patched:
        patched.setattr(sync, "part_to_wire", without_the_last)
        await ask_for_repair(old_friends.south)
        await process_inbox(old_friends.south.runtime)
    assert await titles(old_friends.south) == before
    assert (await lane(old_friends.south)).manifest_due
    await ask_for_repair(old_friends.south)
    await process_inbox(old_friends.south.runtime)
    assert not (await lane(old_friends.south)).manifest_due
    assert await titles(old_friends.south) == before


async def test_an_object_that_is_not_as_its_manifest_says_is_left_alone(
    old_friends: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    need = await need_at(old_friends, "Before the change")
    await old_friends.work()
    url = f"{old_friends.north.origin}/needs/{need['id']}"
    # North's row says more than any message did; only what it signed in the manifest counts.
    async with transaction(old_friends.north.runtime.sessions) as session:
        row = await session.get(Need, need["id"])
        assert row is not None
        row.title = "Nobody was told"
    async with transaction(old_friends.south.runtime.sessions) as session:
        await session.execute(
            update(RemoteObject).where(RemoteObject.url == url).values(sha256=b"!" * 32)  # type: ignore[arg-type]
        )
    await ask_for_repair(old_friends.south)
    await process_inbox(old_friends.south.runtime)
    assert "Nobody was told" not in await titles(old_friends.south)
    # North's own daily look finds what it forgot to tell, and tells it.
    with clock.moved(timedelta(hours=25)):
        await old_friends.work()
    await back_to_now(old_friends)
    assert "Nobody was told" in await titles(old_friends.south)
    async with transaction(old_friends.south.runtime.sessions) as session:
        await session.execute(
            update(PeerInbox).values(held_digest=await digest_of(old_friends.north))
        )
    assert await in_step(old_friends)


async def test_a_need_that_cannot_be_taken_counts_as_it_was_sent(
    old_friends: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(mirroring, "mirror_need", break_down)
        await need_at(old_friends, "Too much for south")
        for _ in range(6):
            await old_friends.work()
    assert "Too much for south" not in await titles(old_friends.south)
    async with old_friends.south.runtime.sessions() as session:
        parked = select(IncomingMessage).where(IncomingMessage.state == IncomingState.PARKED)
        assert len((await session.exec(parked)).all()) == 1
    assert await in_step(old_friends)  # so no repair is tried again and again
    await ask_for_repair(old_friends.south)
    await process_inbox(old_friends.south.runtime)  # by a program that can
    assert "Too much for south" in await titles(old_friends.south)
    assert await in_step(old_friends)


async def test_delete_before_create(old_friends: Pair) -> None:
    origin = old_friends.north.origin
    gone = activity(origin, "Delete", tombstone(origin, 77, version=2))
    assert (await old_friends.tell(gone)).status_code == 202
    assert (await old_friends.tell(old_friends.create(77, name="Too late"))).status_code == 202
    await process_inbox(old_friends.south.runtime)
    assert "Too late" not in await titles(old_friends.south)
    assert f"{origin}/needs/77" not in await held(old_friends.south)


async def test_tombstone_then_stale_update(old_friends: Pair) -> None:
    origin = old_friends.north.origin
    for said in (
        old_friends.create(78, name="Stays gone"),
        activity(origin, "Delete", tombstone(origin, 78, version=3)),
        activity(origin, "Update", proposal(origin, 78, name="Stays gone", version=2)),
        activity(origin, "Update", proposal(origin, 78, name="Stays gone", version=3)),
    ):
        assert (await old_friends.tell(said)).status_code == 202
        await process_inbox(old_friends.south.runtime)
    assert "Stays gone" not in await titles(old_friends.south)
    assert f"{origin}/needs/78" not in await held(old_friends.south)


async def test_a_new_epoch_leads_to_the_manifest_and_its_owner_wins(old_friends: Pair) -> None:
    need = await need_at(old_friends, "Owner's word")
    await old_friends.work()
    url = f"{old_friends.north.origin}/needs/{need['id']}"
    async with transaction(old_friends.south.runtime.sessions) as session:
        row = await session.get(RemoteObject, url)
        assert row is not None
        row.version = 99
    stale = await make_stale(old_friends)
    async with transaction(old_friends.north.runtime.sessions) as session:
        assert await begin_epochs(session) == 1
    old_friends.north.runtime.shared.pop("federation.greeted")
    await old_friends.work()
    after = await lane(old_friends.south)
    assert len(after.past_epochs) == 1
    assert stale not in await held(old_friends.south)
    assert await in_step(old_friends)
    # An old epoch's message that was long on its way changes nothing.
    old = activity(
        old_friends.north.origin, "Delete", {**tombstone("x"), "id": url, "version": 999}
    )
    late = await old_friends.tell(old, seq=f'1;epoch="{after.past_epochs[0]}"')
    assert late.status_code == 202
    await process_inbox(old_friends.south.runtime)
    assert "Owner's word" in await titles(old_friends.south)
    assert (await lane(old_friends.south)).epoch == after.epoch


async def test_a_need_that_a_peer_may_no_longer_see_leaves_its_manifest(old_friends: Pair) -> None:
    need = await need_at(old_friends, "For peers only", audience="peers")
    await old_friends.work()
    url = f"{old_friends.north.origin}/needs/{need['id']}"
    assert url in await held(old_friends.south)
    owner, _ = await owner_of(old_friends)
    await owner.change(f"/needs/{need['id']}", {"audience": "instance"}, need["version"])
    await old_friends.work()
    async with old_friends.north.runtime.sessions() as session:
        listed = (await session.exec(select(PeerHolding.url))).all()
    assert url not in listed
    assert url not in await held(old_friends.south)
    assert await in_step(old_friends)


async def test_a_peer_that_is_suspended_meanwhile_shows_nothing(
    old_friends: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    south = old_friends.south
    assert south.steward is not None
    steward = south.steward
    need = await need_at(old_friends, "Late but not lost")
    await old_friends.work()
    url = f"{old_friends.north.origin}/needs/{need['id']}"
    async with transaction(south.runtime.sessions) as session:
        (await session.get_one(RemoteObject, url)).sha256 = b"x" * 32
    peer = await south.peer()
    read = repair._read_objects

    async def slow(*args: Any) -> Any:
        found = await read(*args)
        await steward.move(f"/peers/{peer['id']}", "suspended", "enough")
        return found

    monkeypatch.setattr(repair, "_read_objects", slow)
    mended = await repair.repair(south.runtime, UUID(peer["id"]))
    assert not mended.whole
    assert need["title"] not in await titles(south)
    monkeypatch.undo()
    await steward.move(f"/peers/{peer['id']}", "active")
    await ask_for_repair(south)
    await old_friends.work()
