"""Being followed from the fediverse: who follows hears of public needs, and of nothing else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from app.federation.public import sending
from app.infra import clock
from app.infra.http_client import Answer, Outgoing, call
from app.models.followers import Follower, RemoteServer, Scheme
from app.workers.federation import deliver_messages
from app.workers.followers import deliver_notes
from tests.factories.fediverse import Server, send
from tests.federation.public.conftest import Town

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


async def followed(town: Town, server: Server, *names: str, scheme: str = "cavage") -> None:
    for name in names:
        answer = await server.say(server.follow(name, town.origin), town.origin, scheme)
        assert answer.status_code == 202, answer.text
    await town.instance.work()


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_who_follows_is_accepted_and_hears_of_new_needs_until_it_is_undone(
    town: Town, scheme: str
) -> None:
    async with town.server(shared=False) as server:
        follow = server.follow("ana", town.origin)
        assert (await server.say(follow, town.origin, scheme)).status_code == 202
        await town.instance.work()
        (accept,) = server.got("Accept")
        assert accept["actor"] == f"{town.origin}/actor"
        assert accept["object"] == {key: follow[key] for key in ("id", "type", "actor", "object")}

        need = await town.need(title="Two people to lift a <piano>", body="Bring *gloves*.")
        await town.instance.work()
        (create,) = server.got("Create")
        note, address = create["object"], f"{town.origin}/needs/{need['id']}"
        assert (note["type"], note["id"], note["url"]) == ("Note", f"{address}/note", address)
        assert note["attributedTo"] == f"{town.origin}/actor"
        assert note["to"] == create["to"] == [PUBLIC]
        assert note["cc"] == create["cc"] == [f"{town.origin}/followers"]
        assert note["contentMap"] == {"en": note["content"]}
        assert "<b>Needed: Two people to lift a &lt;piano&gt;</b>" in note["content"]
        assert "<em>gloves</em>" in note["content"]
        assert f'<a href="{address}" rel="noopener noreferrer nofollow ugc">' in note["content"]
        assert note["tag"][0]["href"] == address
        assert note["tag"][0]["rel"] == "https://w3id.org/valueflows/ont/vf#Proposal"
        assert {each.path for each in server.deliveries} == {"/users/ana/inbox"}

        undo = server.activity("ana", "Undo", follow)
        assert (await server.say(undo, town.origin, scheme)).status_code == 202
        assert (await town.stored())["Follower"] == 0
        await town.need(title="Nobody there hears of this")
        await town.instance.work()
        assert len(server.got("Create")) == 1


@pytest.mark.parametrize("with_query", [True, False])
async def test_a_query_may_be_signed_or_left_out(town: Town, with_query: bool) -> None:
    async with town.server() as server:
        follow = server.follow("ana", town.origin)
        url = f"{town.origin}/inbox?x=1"
        request = server.sign(follow, url, "cavage", with_query=with_query)
        assert (await send(request)).status_code == 202
        assert (await town.stored())["Follower"] == 1


async def test_a_server_with_one_inbox_for_all_gets_each_post_once(town: Town) -> None:
    async with town.server() as server, town.server() as other:
        await followed(town, server, "ana", "bo", "cai")
        await followed(town, other, "dua")
        await town.need()
        await town.instance.work()
        created = [each for each in server.deliveries if each.activity["type"] == "Create"]
        assert [each.path for each in created] == ["/inbox"]
        assert len(server.got("Accept")) == 3
        assert len(other.got("Create")) == 1

        # While one of them is left, the server is written to.
        undo = server.activity(
            "ana", "Undo", server.activity("ana", "Follow", f"{town.origin}/actor")
        )
        assert (await server.say(undo, town.origin)).status_code == 202
        await town.need()
        await town.instance.work()
        assert len(server.got("Create")) == 2


async def test_changes_and_the_end_of_a_need_are_told_and_what_nobody_sees_is_not(
    town: Town,
) -> None:
    async with town.server() as server:
        await followed(town, server, "ana")
        need = await town.need()
        await town.instance.work()
        path = f"/needs/{need['id']}"
        changed = await town.owner.change(path, {"title": "Move it sooner"}, need["version"])
        await town.instance.work()
        (update,) = server.got("Update")
        assert "Move it sooner" in update["object"]["content"]

        # The urgency is not part of what followers read.
        await town.owner.change(path, {"urgency": "high"}, changed["version"])
        await town.instance.work()
        assert len(server.got("Update")) == 1

        await town.owner.move(path, "withdrawn", "not needed any more")
        await town.instance.work()
        (deletion,) = server.got("Delete")
        assert deletion["object"]["type"] == "Tombstone"
        assert deletion["object"]["id"] == update["object"]["id"]


async def test_several_changes_that_wait_are_told_as_the_last(town: Town) -> None:
    async with town.server() as server:
        await followed(town, server, "ana")
        need = await town.need()
        await town.instance.work()
        server.answers = 503
        path, version = f"/needs/{need['id']}", need["version"]
        for title in ("First thought", "Second thought"):
            version = (await town.owner.change(path, {"title": title}, version))["version"]
            await town.instance.work()
        server.answers = 202
        with clock.moved(timedelta(hours=8)):
            await town.instance.work()
        (update,) = server.got("Update")
        assert "Second thought" in update["object"]["content"]


@pytest.mark.parametrize("audience", ["instance", "named_peers", "peers"])
async def test_what_is_not_public_never_leaves(town: Town, audience: str) -> None:
    canary = f"Canary for {audience}"
    async with town.server() as server:
        await followed(town, server, "ana")
        hidden = await town.need(title=canary, body=canary, audience=audience)
        shown = await town.need(title="Public at first", body=canary)
        await town.instance.work()
        assert len(server.got("Create")) == 1
        path = f"/needs/{shown['id']}"
        await town.owner.change(path, {"audience": audience, "title": canary}, shown["version"])
        await town.instance.work()
        (deletion,) = server.got("Delete")
        assert canary not in str(deletion)
        assert not any(hidden["id"] in str(each.activity) for each in server.deliveries)
        assert sum(canary in str(each.activity) for each in server.deliveries) == 1


async def test_the_older_way_of_signing_is_found_and_remembered(town: Town) -> None:
    async with town.server(understands=("cavage",)) as server:
        await followed(town, server, "ana")
        assert server.refused == ["rfc9421"]
        await town.need()
        await town.instance.work()
        assert [each.scheme for each in server.deliveries] == ["cavage", "cavage"]
        assert server.refused == ["rfc9421"]

        # It was brought up to date since, and understands only the newer one.
        server.understands = ("rfc9421",)
        await town.need()
        await town.instance.work()
        assert server.deliveries[-1].scheme == "rfc9421"
        async with town.instance.runtime.sessions() as session:
            found = await session.get(RemoteServer, server.origin)
        assert found is not None
        assert found.scheme is Scheme.RFC9421


async def test_a_server_that_fails_is_tried_later_and_let_go_after_two_weeks(town: Town) -> None:
    async with town.server() as server:
        await followed(town, server, "ana")
        server.answers = 500
        await town.need()
        await town.instance.work()
        tried = len(server.refused)
        await town.instance.work()
        assert len(server.refused) == tried  # it rests

        with clock.moved(timedelta(hours=7)):
            server.answers = 202
            await town.instance.work()
        assert len(server.got("Create")) == 1

        server.answers = 500
        await town.need()
        for later in (timedelta(hours=8), timedelta(days=15)):
            with clock.moved(later):
                await town.instance.work()
        assert (await town.stored())["Follower"] == 0
        assert (await town.stored())["PublicDelivery"] == 0


async def test_an_inbox_that_is_gone_takes_its_follower_along_and_nobody_else(
    town: Town,
) -> None:
    async with town.server(shared=False) as gone, town.server() as living:
        await followed(town, gone, "ana")
        await followed(town, living, "bo")
        gone.answers = 410
        living.answers = 410
        await town.need()
        await town.instance.work()
        async with town.instance.runtime.sessions() as session:
            left = (await session.exec(select(Follower.actor_url))).all()
        assert left == [living.actor("bo")]


async def test_who_is_blocked_meanwhile_hears_nothing(town: Town) -> None:
    async with town.server() as server:
        await followed(town, server, "ana")
        async with town.blocking(server.origin):
            await town.need(title="While it is blocked")
            await town.instance.work()
            assert server.got("Create") == []
        await town.need(title="Afterwards")
        await town.instance.work()
        assert len(server.got("Create")) == 1


async def test_what_nobody_foresaw_at_one_server_does_not_end_the_round_of_others(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()
    asked: list[Outgoing] = []

    async def stumble(client: Any, outgoing: Outgoing, **limits: int) -> Answer:
        if outgoing.url.startswith(odd.origin):
            asked.append(outgoing)
            failed.set()
            raise ZeroDivisionError
        await failed.wait()  # the other lane is in the middle of its post
        return await call(client, outgoing, **limits)

    async with town.server() as odd, town.server() as other:
        await followed(town, odd, "ana")
        await followed(town, other, "bo")
        await town.need()
        await town.instance.write_mail()
        monkeypatch.setattr(sending, "call", stumble)
        assert await deliver_notes(town.instance.runtime) == 1
        assert len(other.got("Create")) == 1
        assert len(asked) == 1  # it rests now
        async with town.instance.runtime.sessions() as session:
            lane = await session.get_one(RemoteServer, odd.origin)
        assert (lane.failures, lane.last_failure) == (1, "failed")
        monkeypatch.setattr(sending, "call", call)
        with clock.moved(timedelta(minutes=1)):
            await deliver_notes(town.instance.runtime)
        assert len(odd.got("Create")) == 1


async def test_a_server_that_never_answers_delays_no_peer(town: Town) -> None:
    runtime = town.instance.runtime
    async with town.server() as tarpit:
        await followed(town, tarpit, "ana")
        tarpit.held = asyncio.Event()
        await town.need()
        await town.instance.write_mail()
        waiting = asyncio.create_task(deliver_notes(runtime))
        # The peers' chore comes to its end while the other still waits for an answer.
        await deliver_messages(runtime)
        assert not waiting.done()
        tarpit.held.set()
        tarpit.held = None
        await waiting
        assert len(tarpit.got("Create")) == 1


async def test_the_same_follow_again_is_one_follower_and_one_answer(town: Town) -> None:
    async with town.server() as server:
        follow = server.follow("ana", town.origin)
        request = server.sign(follow, f"{town.origin}/inbox")
        for _ in range(3):
            assert (await send(request)).status_code == 202
        await town.instance.work()
        assert len(server.got("Accept")) == 1
        # One that was lost on their side is asked again under another id, and answered again.
        await followed(town, server, "ana")
        assert len(server.got("Accept")) == 2
        assert (await town.stored())["Follower"] == 1


async def test_an_actor_that_is_deleted_follows_no_more(town: Town) -> None:
    async with town.server() as server:
        await followed(town, server, "ana", "bo")
        deletion = server.activity("ana", "Delete", server.actor("ana"))
        assert (await server.say(deletion, town.origin)).status_code == 202
        # bo's server forgot bo's key with bo: its own answer is the proof.
        server.actor_status = 410
        deletion = server.activity("bo", "Delete", {"type": "Tombstone", "id": server.actor("bo")})
        forged = server.sign(deletion, f"{town.origin}/inbox")
        forged.headers["signature"] = forged.headers["signature"].replace(
            'signature="', 'signature="AAAA'
        )
        assert (await send(forged)).status_code == 202
        stored = await town.stored()
        assert (stored["Follower"], stored["RemoteActor"]) == (0, 0)
