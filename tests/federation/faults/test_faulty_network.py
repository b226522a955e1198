"""Two instances, and between them a network that does everything networks do.

Whatever happens on the way: in the end both sides agree, and each message had its effect once. The
clock is moved to when a lane is tried again; nobody waits.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpcore
import httpx
import pytest
from sqlmodel import col, func, select

from app.domain.needs import mirroring
from app.federation import delivery, inbox
from app.federation.peers import reading
from app.infra import clock, http_client
from app.infra.database import transaction
from app.models.agreements import Agreement
from app.models.claims import ClaimHistory
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    IncomingMessage,
    IncomingState,
    PeerInbox,
    PeerOutbox,
)
from app.workers.activity import react_to_activities
from app.workers.federation import deliver_messages, process_inbox
from tests.factories.faulty import ASIDE, KINDS, Apart, Trouble
from tests.factories.helping import Helping, helping
from tests.factories.holdings import back_to_now, held, told
from tests.factories.instances import Instance, Pair, activity, proposal
from tests.factories.lossy import Fault
from tests.factories.peers import add_peer
from tests.factories.world import Json

PATIENCE_SECONDS = 1.0
TURNS_MAX = 60
ROUNDS = 5
MINUTES = 90
# Kinds of one family take turns in both directions.
FAMILIES: dict[str, tuple[str, ...]] = {
    "lost": (Fault.REQUEST_LOST, Fault.RESPONSE_LOST),
    "cut": (Fault.REQUEST_CUT, Fault.RESPONSE_CUT, Trouble.HUGE),
    "again": (Fault.DOUBLED, Trouble.LATE),
    "turned away": (Trouble.FIREWALL, Trouble.BUSY, Trouble.NO_GATEWAY),
    "led astray": (Trouble.LED_INSIDE, Trouble.LED_ASIDE, Trouble.SLOW),
}


@pytest.fixture(scope="module")
async def helped(apart: Apart) -> Helping:
    return await helping(apart.pair)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Note who is connected to."""
    found: list[tuple[str, int]] = []
    real = httpcore.AnyIOBackend.connect_tcp

    async def connect(self: Any, host: str, port: int, *rest: Any) -> Any:
        found.append((host, port))
        return await real(self, host, port, *rest)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    return found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up an answer after a second; nothing else is different."""
    for module in (delivery, reading):
        call = partial(http_client.call, seconds_max=PATIENCE_SECONDS)
        monkeypatch.setattr(module, "call", call)


async def chores(instance: Instance) -> None:
    """Do what concerns peers, once."""
    await process_inbox(instance.runtime)
    await react_to_activities(instance.runtime)
    await deliver_messages(instance.runtime)


async def count(instance: Instance, *where: Any) -> int:
    async with instance.runtime.sessions() as session:
        return (await session.exec(select(func.count()).where(*where))).one()


async def is_quiet(pair: Pair) -> bool:
    """Whether all that was said is known to have arrived, and was applied."""
    for instance in (pair.north, pair.south):
        if await count(instance, col(Delivery.state) == DeliveryState.PENDING):
            return False
        if await count(instance, col(IncomingMessage.state) == IncomingState.RECEIVED):
            return False
    same = await told(pair.north) == await held(pair.south)
    return same and await told(pair.south) == await held(pair.north)


async def rest(pair: Pair) -> timedelta:
    """Return how long it is until each lane may try again, both ways."""
    until = clock.now()
    for instance in (pair.north, pair.south):
        async with instance.runtime.sessions() as session:
            out = (await session.exec(select(PeerOutbox))).one()
            into = (await session.exec(select(PeerInbox))).one()
        until = max(until, out.next_attempt_at, into.pull_after)
    return until - clock.now() + timedelta(seconds=1)


@dataclass
class Meeting:
    """Two instances whose clocks run ahead when there is nothing to do but wait."""

    pair: Pair
    moved: ExitStack

    async def settle(self) -> None:
        """Let both work until all has arrived, however often that takes."""
        for _ in range(TURNS_MAX):
            for instance in (self.pair.north, self.pair.south):
                await chores(instance)
            if await is_quiet(self.pair):
                return
            self.moved.enter_context(clock.moved(await rest(self.pair)))
        pytest.fail("they do not agree")


@pytest.fixture
async def meeting(apart: Apart) -> AsyncIterator[Meeting]:
    with ExitStack() as moved:
        yield Meeting(apart.pair, moved)
    await back_to_now(apart.pair)


async def change_needs(helped: Helping, needs: list[Json], round_: int, times: int) -> None:
    """Change things: of six changes, two post a need, three rename one, one withdraws one."""
    north, owner = helped.north, helped.owner
    for number in range(2 * times):
        asked = {"title": f"Need {round_}.{number}", "audience": "public"}
        needs.append(await north.open_need(owner, helped.organisation, **asked))
    for _ in range(times):
        gone = needs.pop(0)
        await owner.move(f"/needs/{gone['id']}", "withdrawn", "no longer needed")
    for number in range(3 * times):
        need, title = needs[number % len(needs)], {"title": f"Renamed {round_}.{number}"}
        changed = await owner.change(f"/needs/{need['id']}", title, need["version"])
        needs[number % len(needs)] = changed


async def work_together(helped: Helping, meeting: Meeting, times: int) -> Json:
    """Change thirty times as many things and have work done meanwhile; answers the claim."""
    needs: list[Json] = []
    here = await helped.apply(note="I can do this")
    for round_ in range(ROUNDS):
        await change_needs(helped, needs, round_, times)
        if round_:
            await next_step(helped, here, round_)
        await meeting.settle()
    shown = {need.title for need in await helped.south.mirrored() if need.state != "withdrawn"}
    assert {need["title"] for need in needs} <= shown
    return await helped.theirs(here)


async def next_step(helped: Helping, here: Json, round_: int) -> None:
    """Accept, log, hand in, confirm."""
    there = await helped.guest_claim()
    if round_ == 1:
        await helped.owner.move(f"/claims/{there['id']}", "accepted")
    elif round_ == 2:
        await helped.log(here, MINUTES)
    elif round_ == 3:
        await helped.worker.move(f"/claims/{here['id']}", "submitted")
    else:
        await helped.north.confirm(helped.owner, there, MINUTES)


async def once_each(pair: Pair) -> None:
    """Nothing is given up or refused, and nothing arrived that was not said."""
    for instance, other in ((pair.north, pair.south), (pair.south, pair.north)):
        assert await count(instance, col(Delivery.state) == DeliveryState.DEAD) == 0
        async with instance.runtime.sessions() as session:
            statement = select(FederationEvent.activity_id).join(Delivery)
            said = (await session.exec(statement)).all()
        async with other.runtime.sessions() as session:
            heard = (await session.exec(select(IncomingMessage))).all()
        assert {message.activity_id for message in heard} <= set(said)
        # An Offer that came again was looked at again, to no effect.
        assert {each.state for each in heard} <= {IncomingState.APPLIED, IncomingState.IGNORED}


async def claim_is_whole(helped: Helping, here: Json, before: Json) -> None:
    """Both sides know the work as confirmed, once, and the book is even."""
    there = await helped.guest_claim()
    assert here["state"] == there["state"] == "confirmed"
    for instance, claim in ((helped.north, there), (helped.south, here)):
        async with instance.runtime.sessions() as session:
            statement = select(ClaimHistory.to_state).where(
                col(ClaimHistory.claim_id) == claim["id"]
            )
            states = (await session.exec(statement)).all()
        assert len(states) == len(set(states)), instance.name
    after = await totals(helped)
    assert after["sums"] == [{"minute": 0}]
    for name, more in {"minutes": MINUTES, "agreements": 2, "receipts": 1}.items():
        assert after[name] == before[name] + more, name
    await helped.sound()


async def totals(helped: Helping) -> Json:
    """Return what all claims together have left behind so far."""
    books = (await helped.owner.get("/books"))["items"]
    whole = [await helped.owner.get(f"/books/{book['id']}") for book in books]
    receipts = (await helped.worker.get("/me/receipts"))["items"]
    agreements = [
        await count(each, col(Agreement.claim_id).is_not(None))
        for each in (helped.north, helped.south)
    ]
    return {
        "minutes": sum(book["total_minutes"] for book in whole),
        "sums": [book["sums"] for book in whole],
        "agreements": sum(agreements),
        "receipts": len(receipts),
    }


async def under(
    apart: Apart, helped: Helping, meeting: Meeting, kinds: tuple[str, ...], times: int
) -> Counter[str]:
    """Do everything while these faults happen; answers how often each did."""
    asked = {"audience": "public", "title": f"Help under {kinds[0]} {times}", "places": 1}
    need = await helped.north.open_need(helped.owner, helped.organisation, **asked)
    await meeting.settle()
    new = replace(helped, need=need)
    before = await totals(new)
    apart.follow(kinds, share=0.3, seed=KINDS.index(kinds[-1]))
    try:
        here = await work_together(new, meeting, times)
    finally:
        happened = await apart.calm()
    await meeting.settle()
    await once_each(apart.pair)
    await claim_is_whole(new, here, before)
    return happened


def only_peers(apart: Apart, dialled: list[tuple[str, int]]) -> None:
    """Nobody was connected to but the peer, and nothing asked of it at another path."""
    known = {tuple(proxy.origin.removeprefix("http://").split(":")) for proxy in apart.proxies}
    assert {(host, str(port)) for host, port in dialled} == known
    for proxy in apart.proxies:
        assert not [line for line in proxy.asked if ASIDE.encode() in line]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("family", FAMILIES)
async def test_everything_gets_through(
    apart: Apart, helped: Helping, meeting: Meeting, dialled: list[tuple[str, int]], family: str
) -> None:
    kinds = FAMILIES[family]
    happened = await under(apart, helped, meeting, kinds, 1)
    assert set(happened) == {*kinds, Fault.NONE}
    only_peers(apart, dialled)


@pytest.mark.usefixtures("impatient")
async def test_everything_gets_through_a_mixture(
    apart: Apart, helped: Helping, meeting: Meeting, dialled: list[tuple[str, int]]
) -> None:
    happened = await under(apart, helped, meeting, KINDS, 2)
    assert set(happened) == {*KINDS, Fault.NONE}
    only_peers(apart, dialled)


async def test_a_hundred_duplicates_through_a_proxy_have_one_effect(apart: Apart) -> None:
    pair = apart.pair
    said = pair.create(4711)
    letters = [await pair.letter(said) for _ in range(100)]
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(trust_env=False, timeout=120, limits=limits) as client:
        answers = await asyncio.gather(
            *(client.post(each.url, headers=each.headers, content=each.body) for each in letters)
        )
    assert [answer.status_code for answer in answers] == [202] * 100
    await process_inbox(pair.south.runtime)
    assert await count(pair.south, col(IncomingMessage.activity_id) == said["id"]) == 1
    mirrors = [
        each for each in await pair.south.mirrored() if each.origin_url == said["object"]["id"]
    ]
    assert len(mirrors) == 1


async def test_a_poisonous_message_stops_neither_its_lane_nor_others(
    apart: Apart, helped: Helping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of this file: south has a third peer from here on."""
    north, south, real = helped.north, helped.south, mirroring.mirror_need

    async def choke(session: Any, need_id: Any, origin: Any, fields: Any, now: Any) -> Any:
        if fields.title == "Poison":
            raise ZeroDivisionError
        return await real(session, need_id, origin, fields, now)

    monkeypatch.setattr(mirroring, "mirror_need", choke)
    for title in ("Before", "Poison", "After"):
        asked = {"title": title, "audience": "public"}
        await north.open_need(helped.owner, helped.organisation, **asked)
    await north.write_mail()
    await deliver_messages(north.runtime)
    await say_from_elsewhere(south)
    shown = []
    for _ in range(inbox.ATTEMPTS_MAX):
        await process_inbox(south.runtime)
        shown.append({need.title for need in await south.mirrored()})
    assert {"Before", "From elsewhere"} <= shown[0]
    assert "After" not in shown[-2]
    assert "After" in shown[-1]
    assert "Poison" not in shown[-1]
    assert await count(south, col(IncomingMessage.state) == IncomingState.PARKED) == 1


async def say_from_elsewhere(instance: Instance) -> None:
    """Let a message of a third peer wait to be applied."""
    third = await add_peer(instance, "third.example")
    said = activity(third.origin, "Create", proposal(third.origin, name="From elsewhere"))
    body = json.dumps(said).encode()
    message = IncomingMessage(
        peer_id=third.id, activity_id=said["id"], activity_type="Create", body=body,
        body_hash=hashlib.sha256(body).digest(), received_at=clock.now(),
    )  # fmt: skip
    async with transaction(instance.runtime.sessions) as session:
        session.add(message)
