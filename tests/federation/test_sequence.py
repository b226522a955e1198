"""Order: duplicates, gaps, old versions and tombstones all lead to the same state."""

import asyncio
import json
import random
from typing import Any

import pytest
from sqlalchemy import delete
from sqlmodel import col, func, select, update

from app.federation import inbox
from app.federation.peers.epochs import begin_epochs
from app.infra.database import transaction
from app.models.federation import (
    Delivery,
    DeliveryState,
    IncomingMessage,
    IncomingState,
    PeerInbox,
    RemoteObject,
    SeenNonce,
)
from tests.factories.instances import Instance, Pair, activity, proposal, send, tombstone


async def applied(instance: Instance) -> int:
    async with instance.runtime.sessions() as session:
        return (await session.exec(select(PeerInbox.applied_seq))).one()


async def states(instance: Instance) -> dict[str, int]:
    async with instance.runtime.sessions() as session:
        statement = select(IncomingMessage.state, func.count()).group_by(IncomingMessage.state)
        return {str(state): count for state, count in (await session.exec(statement)).all()}


async def test_a_message_sent_a_hundred_times_at_once_has_one_effect(
    peers: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = peers.create(1)
    letters = [await peers.letter(said) for _ in range(100)]
    answers = await asyncio.gather(*(send(letter) for letter in letters))
    assert {answer.status_code for answer in answers} == {202}
    await peers.work()
    (mirror,) = await peers.south.mirrored()
    assert (mirror.title, mirror.version) == ("Two people to lift a piano", 1)
    assert (await peers.south.stored())["IncomingMessage"] == 2


async def test_a_gap_is_read_from_the_log_and_applied_in_order(peers: Pair) -> None:
    owner = await peers.north.sign_up("owner")
    organisation = await peers.north.organisation(owner)
    need = await peers.north.open_need(owner, organisation, title="Version 1", audience="public")
    await peers.north.work()  # sent, and not yet applied there
    version = need["version"]
    for number in (2, 3):
        changed = await owner.change(
            f"/needs/{need['id']}", {"title": f"Version {number}"}, version
        )
        version = changed["version"]
        await peers.north.write_mail()
    # The second message gets lost although north thinks that it arrived.
    async with transaction(peers.north.runtime.sessions) as session:
        await session.execute(
            update(Delivery).where(col(Delivery.seq) == 2).values(state=DeliveryState.SENT)
        )
    await peers.work()
    (mirror,) = await peers.south.mirrored()
    assert (mirror.title, mirror.version) == ("Version 3", version)
    assert await applied(peers.south) == 3
    assert await states(peers.south) == {"applied": 4}


async def test_a_gap_that_cannot_be_filled_yet_waits_and_is_asked_for_again(
    peers: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = await peers.north.identity()
    assert (await peers.tell(peers.create(2), seq=f'2;epoch="{north.epoch}"')).status_code == 202
    await peers.south.work()
    assert await peers.south.mirrored() == []
    assert await applied(peers.south) == 0
    assert (await states(peers.south))["received"] == 1
    assert (await peers.tell(peers.create(1), seq=f'1;epoch="{north.epoch}"')).status_code == 202
    await peers.south.work()
    assert len(await peers.south.mirrored()) == 2
    assert await applied(peers.south) == 2


def history(origin: str) -> list[dict[str, Any]]:
    """Return what an owner says of three needs, in the order in which it says it."""
    said = []
    for version in (1, 2, 3):
        for number in (1, 2, 3):
            about = proposal(origin, number, version=version, name=f"Version {version}")
            said.append(activity(origin, "Create" if version == 1 else "Update", about))
    said.append(activity(origin, "Delete", tombstone(origin, 1, version=4)))
    said.append(activity(origin, "Delete", tombstone(origin, 2, version=3)))
    return said


async def test_every_order_with_duplicates_ends_in_the_same_state(peers: Pair) -> None:
    source = random.Random(7)
    origin = peers.north.origin
    for _ in range(12):
        said = history(origin)
        shuffled = [*said, *source.sample(said, 4)]
        source.shuffle(shuffled)
        async with transaction(peers.south.runtime.sessions) as session:
            await session.execute(update(RemoteObject).values(version=0, gone=False))
        for message in shuffled:
            assert (await peers.tell(message)).status_code == 202
        await peers.south.work()
        found = {
            (need.origin_url or "").rpartition("/")[2]: (need.state.value, need.title)
            for need in await peers.south.mirrored()
        }
        assert found["3"] == ("open", "Version 3")
        assert {found.get(gone, ("withdrawn",))[0] for gone in ("1", "2")} == {"withdrawn"}
        async with transaction(peers.south.runtime.sessions) as session:
            await session.execute(delete(SeenNonce))  # so that the flood limit stays away


async def test_a_late_update_does_not_revive_and_a_newer_one_does(peers: Pair) -> None:
    origin = peers.north.origin
    assert (await peers.tell(activity(origin, "Delete", tombstone(origin, version=3)))).is_success
    assert (await peers.tell(peers.create(1, version=3))).is_success
    assert (await peers.tell(peers.create(1, version=2))).is_success
    await peers.south.work()
    assert await peers.south.mirrored() == []
    assert (await peers.tell(peers.create(1, version=4))).is_success
    await peers.south.work()
    assert [need.version for need in await peers.south.mirrored()] == [4]


async def test_a_restored_sender_counts_anew_and_wins(peers: Pair) -> None:
    owner = await peers.north.sign_up("owner")
    organisation = await peers.north.organisation(owner)
    need = await peers.north.open_need(owner, organisation, title="Before", audience="public")
    await peers.work()
    # North comes back from an old backup: older versions, another epoch.
    async with transaction(peers.north.runtime.sessions) as session:
        assert await begin_epochs(session) == 1
    async with transaction(peers.south.runtime.sessions) as session:
        await session.execute(update(RemoteObject).values(version=99))
    await owner.change(f"/needs/{need['id']}", {"title": "After"}, need["version"])
    await peers.work()
    (mirror,) = await peers.south.mirrored()
    assert mirror.title == "After"
    assert await applied(peers.south) == 1


async def test_a_poisonous_message_is_parked_and_the_others_flow(
    peers: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.domain.needs import mirroring  # noqa: PLC0415

    real = mirroring.mirror_need

    async def choke(session: Any, need_id: Any, origin: Any, fields: Any, now: Any) -> Any:
        if fields.title == "poison":
            raise ZeroDivisionError
        return await real(session, need_id, origin, fields, now)

    monkeypatch.setattr(mirroring, "mirror_need", choke)
    north = await peers.north.identity()
    for number, name in enumerate(("first", "poison", "third"), 1):
        said = peers.create(number, name=name)
        assert (await peers.tell(said, seq=f'{number};epoch="{north.epoch}"')).is_success
    for _ in range(inbox.ATTEMPTS_MAX):
        await peers.south.work()
    assert [need.title for need in await peers.south.mirrored()] == ["first", "third"]
    assert (await states(peers.south))[IncomingState.PARKED] == 1
    assert await applied(peers.south) == 3


async def test_what_was_queued_when_a_peer_was_blocked_is_dropped(peers: Pair) -> None:
    south = peers.south
    assert south.steward is not None
    assert (await peers.tell(peers.create(1))).is_success
    await south.steward.move(f"/peers/{(await south.peer())['id']}", "blocked")
    await south.work()
    assert await south.mirrored() == []
    assert (await states(south))["refused"] == 1


async def test_hostile_content_arrives_as_plain_text(peers: Pair) -> None:
    said = peers.create(
        1,
        name="  <script>alert(1)</script>\u202e title\n",
        content="<p>One<br>two</p><script>alert(2)</script><img src=x onerror=alert(3)>&lt;b&gt;",
        tag=[{"type": "Hashtag", "name": "#<b>x"}, {"type": "Hashtag", "name": "#"}],
        attachment=[{"type": "Link", "href": "javascript:alert(4)"}],
        skills=[{"slug": "no-such-skill", "weight": "must"}],
        kind="something_new",
        organisation="A\r\nB",
    )
    assert (await peers.tell(said)).is_success
    await peers.south.work()
    (mirror,) = await peers.south.mirrored()
    assert mirror.body == "One\ntwo\n<b>"
    assert mirror.link is None
    assert mirror.tags == ["<b>x"]
    assert mirror.skill_slugs == []
    assert mirror.kind == "labour"
    assert mirror.organisation_name == "A B"
    page = await south_page(peers, f"/needs/{mirror.id}")
    assert "<script>alert" not in page
    assert json.dumps("javascript:")[1:-1] not in page


async def south_page(peers: Pair, path: str) -> str:
    answer = await peers.south.stranger().http.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    return answer.text
