"""What the public road refuses and passes over: nothing stored, few questions asked."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import delete

from app.infra import clock
from app.infra.database import transaction
from app.models.followers import PublicMessage
from tests.factories.fediverse import OTHER_KEY, Server, send
from tests.factories.world import Json
from tests.federation.public.conftest import Town

OURS = "https://ns.tornallom.example/mutual-aid#"
COMMON = "https://w3id.org/fep/c180#"
HOUR = timedelta(hours=1)
Make = Callable[[Town, Server], httpx.Request]
INVALID, CLOCK = (401, OURS + "signature-invalid"), (401, OURS + "clock-skew")
MISMATCH, WRONG_HOST = (400, COMMON + "principal-actor-mismatch"), (421, OURS + "wrong-host")
ENCODING, MEDIA_TYPE = (415, OURS + "content-encoding"), (415, OURS + "content-type")
MISSING, MALFORMED = (401, OURS + "signature-missing"), (400, OURS + "malformed")


def signed(scheme: str = "cavage", change: Callable[[Json], Any] | None = None, **how: Any) -> Make:
    """Sign a Follow after a change of it."""

    def make(town: Town, server: Server) -> httpx.Request:
        follow = server.follow("ana", town.origin)
        changed = change(follow) if change else None
        body = follow if changed is None else changed
        return server.sign(body, f"{town.origin}/inbox", scheme, **how)

    return make


def altered(scheme: str, alter: Callable[[httpx.Request], httpx.Request | None]) -> Make:
    """Change a well signed Follow on its way."""

    def make(town: Town, server: Server) -> httpx.Request:
        request = signed(scheme)(town, server)
        return alter(request) or request

    return make


def other_body(request: httpx.Request) -> httpx.Request:
    body = request.content.replace(b"Follow", b"follow")
    headers = {k: v for k, v in request.headers.items() if k != "content-length"}
    return httpx.Request("POST", request.url, headers=headers, content=body)


def for_another_path(scheme: str) -> Make:
    def make(town: Town, server: Server) -> httpx.Request:
        request = server.sign(server.follow("ana", town.origin), f"{town.origin}/else", scheme)
        request.url = httpx.URL(f"{town.origin}/inbox")
        return request

    return make


def drop(name: str) -> Callable[[httpx.Request], None]:
    return lambda request: request.headers.__delitem__(name)


def put(**headers: str) -> Callable[[httpx.Request], None]:
    return lambda request: request.headers.update(
        {name.replace("_", "-"): value for name, value in headers.items()}
    )


def whose_key(town: Town, server: Server) -> httpx.Request:
    follow = server.follow("ana", town.origin)
    return server.sign(follow, f"{town.origin}/inbox", key_id=f"{server.actor('eve')}#main-key")


def elsewhere(town: Town, server: Server) -> httpx.Request:
    follow = server.follow("ana", town.origin, actor="http://127.0.0.1:9/users/ana")
    key_id = f"{server.actor('ana')}#main-key"
    return server.sign(follow, f"{town.origin}/inbox", key_id=key_id)


def foreign_id(said: Json) -> None:
    said["id"] = "http://127.0.0.1:9/activities/1"


def nameless(said: Json) -> None:
    said["actor"] = "ana"


def forged(scheme: str) -> Make:
    def make(town: Town, server: Server) -> httpx.Request:
        return signed(scheme)(town, replace(server, key=OTHER_KEY))

    return make


REFUSED: dict[str, tuple[tuple[int, str], Make]] = {
    "unsigned": (MISSING, altered("cavage", drop("signature"))),
    "another's key": (INVALID, whose_key),
    "an actor of another server": (INVALID, elsewhere),
    "an id of another server": (MISMATCH, signed(change=foreign_id)),
    "no actor": (MALFORMED, signed(change=lambda said: said.pop("actor") and None)),
    "an actor that is no address": (INVALID, signed(change=nameless)),
    "no type": (MALFORMED, signed(change=lambda said: said.pop("type") and None)),
    "a list": (MALFORMED, signed(change=lambda said: b"[]")),
    "no json": (MALFORMED, signed(change=lambda said: b"{")),
    "deep": (MALFORMED, signed(change=lambda said: b"[" * 100_000)),
    "duplicate keys": (MALFORMED, signed(change=lambda said: b'{"type":"a","type":"b"}')),
    "somebody else followed": (
        (404, COMMON + "object-does-not-exist"),
        signed(change=lambda said: said.update(object="http://127.0.0.1:9/actor")),
    ),
    "for another host": (WRONG_HOST, altered("cavage", put(host="east.example"))),
    "compressed": (ENCODING, altered("cavage", put(content_encoding="gzip"))),
    "plain json": (MEDIA_TYPE, altered("cavage", put(content_type="application/json"))),
    "date not covered": (INVALID, signed(covered="(request-target) host digest")),
    "digest not covered": (INVALID, signed(covered="(request-target) host date")),
    "target not covered": (INVALID, signed(covered="host date digest")),
    "digest not covered by the newer way": (
        INVALID, signed("rfc9421", covered='"@method" "@target-uri"'),
    ),
    "target not covered by the newer way": (
        INVALID, signed("rfc9421", covered='"@method" "content-digest"'),
    ),
}  # fmt: skip
for each in ("cavage", "rfc9421"):
    REFUSED |= {
        f"altered body ({each})": (INVALID, altered(each, other_body)),
        f"another path ({each})": (INVALID, for_another_path(each)),
        f"forged ({each})": (INVALID, forged(each)),
    }


@pytest.fixture(scope="module")
async def server(town: Town) -> Any:
    """One server for the whole module, whose people nobody knows before a Follow holds."""
    async with town.server() as running:
        yield running


@pytest.mark.parametrize("case", REFUSED)
async def test_one_wrong_thing_is_refused_and_leaves_nothing(
    town: Town, server: Server, case: str
) -> None:
    expected, make = REFUSED[case]
    answer = await send(make(town, server))
    assert (answer.status_code, answer.json()["type"]) == expected, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert set((await town.stored()).values()) == {0}


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_an_hour_is_tolerated_and_no_more(town: Town, server: Server, scheme: str) -> None:
    for skew in (-HOUR - timedelta(minutes=1), HOUR + timedelta(minutes=1)):
        late = signed(scheme, at=clock.now() + skew)(town, server)
        answer = await send(late)
        assert (answer.status_code, answer.json()["type"]) == CLOCK
        assert "date" in answer.headers
    near = signed(scheme, at=clock.now() - timedelta(minutes=50))(town, server)
    assert (await send(near)).status_code == 202


async def test_an_actor_must_be_one_at_its_own_address(town: Town) -> None:
    changes: list[Json] = [
        {"id": "http://127.0.0.1:9/users/ana"},
        {"type": "Note"},
        {"inbox": "http://127.0.0.1:9/inbox"},
        {"inbox": None},
        {"publicKey": None},
        {"publicKey": {"id": "x", "owner": "y", "publicKeyPem": "z"}},
    ]
    async with town.server() as server:
        for number, change in enumerate(changes):
            server.actor_changes = change
            answer = await server.say(server.follow(f"ana{number}", town.origin), town.origin)
            assert answer.status_code == 401, change
        server.actor_changes = {}
    async with town.server(media_type="text/html") as server:
        answer = await server.say(server.follow("ana", town.origin), town.origin)
        assert answer.status_code == 401
    assert set((await town.stored()).values()) == {0}


async def test_what_is_not_for_us_is_passed_over_without_a_question(
    town: Town, server: Server
) -> None:
    asked = len(server.fetches)
    said = [
        server.activity("mia", "Like", f"{town.origin}/needs/1/note"),
        server.activity("mia", "Create", {"type": "Note", "content": "<script>"}),
        server.activity("mia", "Update", server.actor("mia")),
        server.activity("mia", "Delete", server.actor("mia")),
        server.activity("mia", "Undo", server.activity("mia", "Like", "x")),
        server.activity("mia", "Undo", f"{server.origin}/activities/0"),
        server.activity("mia", "Dance", None),
        server.follow("mia", town.origin, type=["Follow"]),
        {"type": "Follow", "actor": server.actor("mia"), "object": {"id": f"{town.origin}/x"}},
    ]
    statuses = [(await server.say(each, town.origin)).status_code for each in said]
    assert statuses == [202] * 8 + [404]
    assert len(server.fetches) == asked
    assert set((await town.stored()).values()) == {0}


async def test_of_somebody_known_even_what_is_passed_over_must_be_theirs(
    town: Town, server: Server
) -> None:
    assert (await server.say(server.follow("zoe", town.origin), town.origin)).status_code == 202
    like = server.activity("zoe", "Like", "x")
    assert (await server.say(like, town.origin)).status_code == 202
    forged = server.sign(like, f"{town.origin}/inbox")
    forged.headers["signature"] = forged.headers["signature"].replace('re="', 're="AAAA')
    assert (await send(forged)).status_code == 401
    # Undone by somebody else of the same server, or of something else: nothing is.
    undo = server.activity("eve", "Undo", server.follow("zoe", town.origin))
    assert (await server.say(undo, town.origin)).status_code == 202
    undo = server.activity("zoe", "Undo", server.activity("zoe", "Follow", "x"))
    assert (await server.say(undo, town.origin)).status_code == 202
    assert (await town.stored())["Follower"] == 1


async def test_a_new_key_is_asked_for_once_in_five_minutes_and_a_known_one_always_holds(
    town: Town,
) -> None:
    async with town.server() as server:
        say, origin = server.say, town.origin
        assert (await say(server.follow("ana", origin), origin)).status_code == 202
        assert server.fetches == ["ana"]
        # Somebody names keys that do not exist: one question, and it harms nobody.
        for number in range(3):
            follow = server.follow("ana", origin)
            request = server.sign(
                follow, f"{origin}/inbox", key_id=f"{follow['actor']}#key-{number}"
            )
            assert (await send(request)).status_code == (429 if number else 401)
        assert server.fetches == ["ana", "ana"]
        assert (await say(server.follow("ana", origin), origin)).status_code == 202
        # Another key by now: found once the five minutes are over.
        server.key = OTHER_KEY
        refused = await say(server.follow("ana", origin), origin)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "300")
        with clock.moved(timedelta(minutes=6)):
            assert (await say(server.follow("ana", origin), origin)).status_code == 202
        assert server.fetches == ["ana"] * 3


async def test_what_is_known_of_an_actor_is_asked_anew_after_a_day(town: Town) -> None:
    async with town.server() as server:
        for later in (timedelta(0), timedelta(hours=23), timedelta(hours=25)):
            with clock.moved(later):
                answer = await server.say(server.follow("ana", town.origin), town.origin)
            assert answer.status_code == 202
        assert server.fetches == ["ana", "ana"]


async def test_a_flood_is_refused_and_asks_few_questions(town: Town) -> None:
    async with town.server() as server:
        server.actor_status = 503
        answers = [
            await server.say(server.follow(f"p{number}", town.origin), town.origin)
            for number in range(25)
        ]
        statuses = [answer.status_code for answer in answers]
        assert statuses == [401] * 10 + [429] * 15
        assert len(server.fetches) == 10
        assert all("retry-after" in answer.headers for answer in answers[10:])
    async with town.server() as server:
        # At once: one question at a time.
        server.held = asyncio.Event()
        first = asyncio.create_task(server.say(server.follow("a", town.origin), town.origin))
        await server.asked.wait()
        second = await server.say(server.follow("b", town.origin), town.origin)
        assert second.status_code == 429
        server.held.set()
        assert (await first).status_code == 202
        assert server.fetches == ["a"]


async def test_a_server_that_nobody_follows_from_is_heard_ten_times_a_minute(town: Town) -> None:
    async with town.server() as server:

        async def come_and_go() -> list[int]:
            follow = server.follow("ana", town.origin)
            came = await server.say(follow, town.origin)
            went = await server.say(server.activity("ana", "Undo", follow), town.origin)
            return [came.status_code, went.status_code]

        for _ in range(5):
            assert await come_and_go() == [202, 202]
        assert await come_and_go() == [429, 202]
        async with transaction(town.instance.runtime.sessions) as session:
            await session.execute(delete(PublicMessage))


async def test_who_may_follow_is_up_to_the_instance(
    town: Town, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = town.instance.runtime

    async def follow(name: str) -> httpx.Response:
        return await server.say(server.follow(name, town.origin), town.origin)

    monkeypatch.setattr(runtime, "public_follow", False)
    closed = await follow("ana")
    assert (closed.status_code, closed.json()["type"]) == (403, COMMON + "actor-not-authorized")
    monkeypatch.setattr(runtime, "public_follow", True)
    monkeypatch.setattr(runtime, "followers_max", 1)
    assert (await follow("bo")).status_code == 202
    full = await follow("cai")
    assert (full.status_code, "retry-after" in full.headers) == (429, True)
    assert (await follow("bo")).status_code == 202
    assert (await town.stored())["Follower"] == 1
    # One server leaves room for others.
    monkeypatch.setattr(runtime, "followers_max", 4)
    assert [(await follow(name)).status_code for name in ("cai", "dov", "eli")] == [202, 202, 429]
    async with town.server() as elsewhere:
        other = await elsewhere.say(elsewhere.follow("fay", town.origin), town.origin)
        assert other.status_code == 202


async def test_a_blocked_server_is_told_that_nobody_is_here(town: Town) -> None:
    async with town.server() as server, town.blocking(server.origin):
        answer = await server.say(server.follow("ana", town.origin), town.origin)
        expected = (404, COMMON + "object-does-not-exist")
        assert (answer.status_code, answer.json()["type"]) == expected
        assert server.fetches == []
        assert set((await town.stored()).values()) == {0}
