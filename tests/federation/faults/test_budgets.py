"""What one peer may use of us, and that nobody else pays for it."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import select

from app.federation.budgets import Budget, set_budget, spend
from app.federation.wire.problems import RefusedError
from app.infra import clock
from app.infra.runtime import Runtime
from app.infra.signatures import HttpMessage, Signer
from app.models.federation import IncomingMessage, Peer
from app.settings import Settings
from tests.factories.application import make_application
from tests.factories.instances import Letter, Pair, send, sign

LIMITED = "https://w3id.org/fep/c180#rate-limit-exceeded"
SMALL = Budget(requests_per_minute=6, burst=10)
STARTS = [clock.now()]


@pytest.fixture
def small(old_friends: Pair) -> Iterator[Pair]:
    """Friends of whom the southern one gives little, with all of it left; no time passes."""
    wide = old_friends.south.runtime.shared["federation.budget"]
    set_budget(old_friends.south.runtime, SMALL)
    # An hour later for each test: nothing is left of what was used before.
    STARTS.append(STARTS[-1] + timedelta(hours=1))
    with clock.frozen(STARTS[-1]):
        yield old_friends
    set_budget(old_friends.south.runtime, wide)


async def forged(pair: Pair) -> Letter:
    """A message in north's name, by somebody else's key."""
    north = await pair.north.identity()
    thief = Signer(Ed25519PrivateKey.generate(), north.signer.key_id)
    body = json.dumps(pair.create(77)).encode()
    return sign(replace(north, signer=thief), f"{pair.south.origin}/inbox", body)


def test_the_limits_are_those_of_the_profile() -> None:
    assert Budget() == Budget(requests_per_minute=120, burst=240, bytes_per_day=67_108_864)


async def test_a_burst_passes_and_what_follows_is_told_when_to_come_back(small: Pair) -> None:
    answers = [await small.tell(small.create(1)) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429] * 2
    assert answers[-1].json()["type"] == LIMITED
    assert answers[-1].headers["retry-after"] == "30"
    with clock.frozen(clock.now() + timedelta(seconds=31)):
        again = [(await small.tell(small.create(1))).status_code for _ in range(4)]
    assert again == [202] * 3 + [429], "half a minute is worth three"


async def test_what_is_refused_is_counted_and_what_is_forged_is_not(small: Pair) -> None:
    for _ in range(30):
        assert (await send(await forged(small))).status_code == 401
    refused = [await send(await small.letter(b"{")) for _ in range(10)]
    assert {answer.status_code for answer in refused} == {400}
    assert (await small.tell(small.create(1))).status_code == 429


async def test_a_clock_that_was_set_back_keeps_nobody_out(small: Pair) -> None:
    with clock.frozen(clock.now() + timedelta(minutes=20)):
        answers = [await small.tell(small.create(1)) for _ in range(11)]
        assert answers[-1].status_code == 429
    assert (await small.tell(small.create(1))).status_code == 202


async def test_reading_is_counted_too(small: Pair) -> None:
    for _ in range(10):
        assert (await small.tell(small.create(1))).status_code == 202
    north = await small.north.identity()
    url = f"{small.south.origin}/fed/v1/log"
    headers = north.sign(HttpMessage("GET", url, []))
    assert (await send(Letter("GET", url, headers, b""))).status_code == 429


async def test_the_bytes_of_a_day_end_and_begin_anew(old_friends: Pair) -> None:
    wide = old_friends.south.runtime.shared["federation.budget"]
    letter = old_friends.create(1)
    size = len(json.dumps(letter).encode())
    try:
        with clock.frozen(clock.now().replace(hour=12) + timedelta(days=3)):
            set_budget(old_friends.south.runtime, replace(wide, bytes_per_day=3 * size + 1))
            told = [await old_friends.tell(letter) for _ in range(4)]
            assert [answer.status_code for answer in told] == [202] * 3 + [429]
            wait = int(told[-1].headers["retry-after"])
            assert 11 * 3600 < wait <= 12 * 3600 + 1, "until midnight"
            tomorrow = clock.now() + timedelta(seconds=wait)
        with clock.frozen(tomorrow):
            assert (await old_friends.tell(letter)).status_code == 202
    finally:
        set_budget(old_friends.south.runtime, wide)


async def test_several_processes_count_together_and_peers_apart(
    old_friends: Pair, settings: Settings
) -> None:
    south = old_friends.south.runtime
    second = make_application(replace_database(settings, south)).state.runtime
    async with south.sessions() as session:
        peer_id = (await session.exec(select(Peer.id))).one()
    wide = south.shared["federation.budget"]
    with clock.frozen(clock.now() + timedelta(days=9)):
        try:
            for runtime in (south, second):
                set_budget(runtime, SMALL)
            taken = await asyncio.gather(
                *(try_to_spend((south, second)[turn % 2], peer_id) for turn in range(30))
            )
            assert sum(taken) == SMALL.burst
        finally:
            set_budget(south, wide)
            await second.close()


def replace_database(settings: Settings, runtime: Runtime) -> Settings:
    """Settings of a second process on the same database."""
    url = runtime.engine.url.render_as_string(hide_password=False)
    return settings.model_copy(update={"database_url": url})


async def try_to_spend(runtime: Runtime, peer_id: UUID) -> bool:
    try:
        await spend(runtime, peer_id, 10)
    except RefusedError:
        return False
    return True


async def test_a_hundred_duplicates_at_once_have_one_effect(old_friends: Pair) -> None:
    said = old_friends.create(4711)
    letters = [await old_friends.letter(said) for _ in range(100)]
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(trust_env=False, timeout=120, limits=limits) as client:
        answers = await asyncio.gather(
            *(client.post(each.url, headers=each.headers, content=each.body) for each in letters)
        )
    assert {answer.status_code for answer in answers} == {202}
    await old_friends.south.work()
    async with old_friends.south.runtime.sessions() as session:
        stored = select(IncomingMessage).where(IncomingMessage.activity_id == said["id"])
        assert len((await session.exec(stored)).all()) == 1
    address = said["object"]["id"]
    mirrors = [need for need in await old_friends.south.mirrored() if need.origin_url == address]
    assert len(mirrors) == 1
