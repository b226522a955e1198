"""Delivering: what an answer means, how long a lane waits, what a crash leaves behind."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, select, update

from app.federation import delivery
from app.federation.delivery import Result, Verdict, judge, pause
from app.federation.peers.actions import new_peer
from app.federation.peers.discovery import Discovered, ShownKey
from app.federation.wire import problems
from app.infra import clock, http_client
from app.infra.database import transaction
from app.infra.http_client import Answer, OutboundError, Outgoing
from app.models.federation import Delivery, DeliveryState, PeerOutbox, PeerState
from app.workers.activity import react_to_activities
from app.workers.federation import deliver_messages
from tests.factories.instances import Instance, Pair
from tests.factories.world import Json

PROBLEM_JSON = "application/problem+json"


def answer(status: int, kind: str = "", *, body: bytes = b"", **headers: str) -> Answer:
    if kind:
        body = json.dumps({"type": kind}).encode()
        headers["content-type"] = PROBLEM_JSON
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, lines, body)


@pytest.mark.parametrize(
    ("given", "verdict", "code"),
    [
        (answer(202), Verdict.SENT, ""),
        (answer(200), Verdict.SENT, ""),
        (answer(301, location="https://x.example"), Verdict.LATER, "status-301"),
        (answer(403, content_type="text/html", body=b"<h1>No</h1>"), Verdict.LATER, "status-403"),
        (answer(404), Verdict.LATER, "status-404"),
        (answer(500), Verdict.LATER, "status-500"),
        (answer(400, content_type=PROBLEM_JSON, body=b"{"), Verdict.LATER, "status-400"),
        (answer(400, problems.MALFORMED.type), Verdict.FINAL, "malformed"),
        (answer(400, "https://new.example/problem"), Verdict.FINAL, "unknown-problem"),
        (answer(401, problems.SIGNATURE_INVALID.type), Verdict.LATER, "signature-invalid"),
        (answer(401, problems.CLOCK_SKEW.type), Verdict.LATER, "clock-skew"),
        (answer(403, problems.NOT_PEER.type), Verdict.STOP, "not-peer"),
        (answer(403, problems.PEER_SUSPENDED.type), Verdict.STOP, "peer-suspended"),
        (answer(404, problems.OBJECT_MISSING.type), Verdict.FINAL, "object-does-not-exist"),
        (answer(409, problems.ID_REUSE.type), Verdict.FINAL, "id-reuse"),
        (answer(413, problems.TOO_LARGE.type), Verdict.FINAL, "too-large"),
        (answer(422, problems.RULE.type), Verdict.FINAL, "rule"),
        (answer(429, problems.RATE_LIMIT.type), Verdict.LATER, "rate-limit-exceeded"),
        (answer(503, content_type=PROBLEM_JSON), Verdict.LATER, "status-503"),
    ],
)
def test_only_problem_documents_are_final(given: Answer, verdict: Verdict, code: str) -> None:
    assert (judge(given).verdict, judge(given).code) == (verdict, code)


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7), ("999999999", 21_600), ("soon", None), ("-1", None)]
)
def test_a_peer_may_ask_for_patience_up_to_six_hours(text: str, seconds: int | None) -> None:
    result = judge(answer(429, problems.RATE_LIMIT.type, retry_after=text))
    assert result.retry_after == (None if seconds is None else timedelta(seconds=seconds))


def outbox(failures: int, *, quiet_for: timedelta = timedelta(0)) -> PeerOutbox:
    return PeerOutbox(failures=failures, last_success_at=clock.now() - quiet_for)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        (1, 15),
        (2, 60),
        (3, 300),
        (4, 900),
        (5, 3600),
        (6, 7200),
        (7, 14_400),
        (8, 21_600),
        (99, 21_600),
    ],
)
def test_a_lane_waits_longer_each_time_but_never_for_ever(failures: int, seconds: int) -> None:
    for _ in range(20):
        waited = pause(outbox(failures), Result(Verdict.LATER)).total_seconds()
        assert 0.8 * seconds <= waited <= 1.2 * seconds


def test_the_long_dead_and_those_who_refuse_us_are_asked_once_a_day() -> None:
    day = timedelta(days=1)
    assert pause(outbox(3, quiet_for=timedelta(days=8)), Result(Verdict.LATER)) == day
    assert pause(outbox(1), Result(Verdict.STOP, 403, "not-peer")) == day


class Network:
    """Stands between the lanes and the wire: notes what goes out, and can be cut."""

    def __init__(self, through: object) -> None:
        self.through = through
        self.down = False
        self.sent: list[Outgoing] = []

    async def __call__(self, client: object, outgoing: Outgoing, **limits: int) -> Answer:
        self.sent.append(outgoing)
        if self.down:
            raise OutboundError("cut")
        result: Answer = await self.through(client, outgoing, **limits)  # type: ignore[operator]
        return result


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    standing = Network(http_client.call)
    monkeypatch.setattr(delivery, "call", standing)
    return standing


class KilledError(BaseException):
    """The end of a process, which no `except Exception` sees."""


async def one_need(pair: Pair) -> None:
    owner = await pair.north.sign_up("owner")
    organisation = await pair.north.organisation(owner)
    await pair.north.open_need(owner, organisation, audience="public")


async def lane(instance: Instance) -> PeerOutbox:
    async with instance.runtime.sessions() as session:
        return (await session.exec(select(PeerOutbox))).one()


async def test_a_peer_that_is_down_gets_everything_when_it_is_back(
    peers: Pair, network: Network
) -> None:
    network.down = True
    await one_need(peers)
    await peers.work()
    assert len(network.sent) == 1
    waited = []
    passed = timedelta(0)
    for _ in range(5):
        resting = (await lane(peers.north)).next_attempt_at - clock.now() - passed
        waited.append(resting.total_seconds())
        with clock.moved(passed + resting - timedelta(seconds=2)):
            await peers.north.work()
        assert len(network.sent) == len(waited)  # not a moment earlier
        passed += resting + timedelta(seconds=1)
        with clock.moved(passed):
            await peers.north.work()
        assert len(network.sent) == len(waited) + 1
    assert waited == sorted(waited)
    assert waited[0] < 20
    assert waited[4] > 2_800
    health = (await peers.north.peer())["health"]
    assert health["code"] == "broken"
    assert "1 message" in health["text"]

    network.down = False
    with clock.moved(passed + timedelta(hours=12)):
        await peers.work()
    (mirror,) = await peers.south.mirrored()
    assert mirror.state == "open"
    bodies = {outgoing.body for outgoing in network.sent}
    nonces = {outgoing.headers["Signature-Input"] for outgoing in network.sent}
    assert len(bodies) == 1  # the same message, with the same id
    assert len(nonces) == len(network.sent)  # signed anew each time
    assert (await peers.north.peer())["health"]["code"] == "well"


async def test_hearing_from_a_peer_ends_the_wait(peers: Pair, network: Network) -> None:
    network.down = True
    await one_need(peers)
    await peers.north.work()
    assert (await lane(peers.north)).failures == 1
    network.down = False
    owner = await peers.south.sign_up("baker")
    organisation = await peers.south.organisation(owner)
    await peers.south.open_need(owner, organisation, audience="public")
    await peers.work()
    assert len(await peers.south.mirrored()) == 1
    assert (await lane(peers.north)).failures == 0


async def test_a_worker_that_dies_after_sending_leaves_one_effect(
    peers: Pair, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one_need(peers)

    async def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(delivery, "_note", die)
        with pytest.raises(KilledError):
            await peers.north.work()
    assert len(network.sent) == 1
    await peers.work()
    assert len(network.sent) == 2
    assert len(await peers.south.mirrored()) == 1
    assert (await peers.south.stored())["IncomingMessage"] == 2  # the offer and the need


async def test_a_lease_keeps_others_off_and_runs_out(peers: Pair, network: Network) -> None:
    await one_need(peers)
    async with transaction(peers.north.runtime.sessions) as session:
        await session.execute(update(PeerOutbox).values(leased_until=clock.now() + delivery.LEASE))
    await peers.north.work()
    assert network.sent == []
    with clock.moved(timedelta(seconds=61)):
        await peers.north.work()
    assert len(network.sent) == 1


async def test_a_message_the_peer_cannot_take_does_not_stop_those_after_it(
    peers: Pair, network: Network
) -> None:
    owner = await peers.north.sign_up("owner")
    organisation = await peers.north.organisation(owner)
    for title in ("First need", "Second need", "Third need"):
        await peers.north.open_need(owner, organisation, title=title, audience="public")
    real, refused = network.through, []

    async def refuse_second(client: object, outgoing: Outgoing, **limits: int) -> Answer:
        if b"Second need" in (outgoing.body or b""):
            refused.append(outgoing)
            return answer(422, problems.RULE.type)
        result: Answer = await real(client, outgoing, **limits)  # type: ignore[operator]
        return result

    network.through = refuse_second
    await peers.work()
    assert len(refused) == 1
    async with peers.north.runtime.sessions() as session:
        dead = select(Delivery.last_code).where(col(Delivery.state) == DeliveryState.DEAD)
        assert (await session.exec(dead)).all() == ["rule"]
    # Its number is missing on the other side, which reads the log and gets it after all.
    assert len(await peers.south.mirrored()) == 3


async def test_a_backlog_is_nudged_and_read_from_the_log(peers: Pair, network: Network) -> None:
    owner = await peers.north.sign_up("owner")
    organisation = await peers.north.organisation(owner)
    for number in range(30):
        await peers.north.open_need(
            owner, organisation, title=f"Need number {number}", audience="public"
        )
    await peers.work()
    assert len(network.sent) == 1
    assert len(await peers.south.mirrored()) == 30
    north_lane = await lane(peers.north)
    assert north_lane.acknowledged_seq == north_lane.last_seq == 30
    assert (await peers.north.peer())["waiting"] == 0


async def test_a_peer_that_does_not_read_the_log_is_pushed(
    peers: Pair, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do_not_read(*_: object) -> int:
        return 0

    monkeypatch.setattr("app.federation.sync.pull", do_not_read)
    owner = await peers.north.sign_up("owner")
    organisation = await peers.north.organisation(owner)
    for number in range(22):
        await peers.north.open_need(
            owner, organisation, title=f"Need number {number}", audience="public"
        )
    await peers.work()
    assert len(network.sent) == 1
    assert await peers.south.mirrored() == []
    with clock.moved(timedelta(seconds=31)):
        await peers.work()
    assert len(network.sent) == 22
    assert len(await peers.south.mirrored()) == 22


async def another_peer(pair: Pair, origin: str) -> UUID:
    """Give north a second peer that nobody answers for."""
    key = (await pair.south.identity()).public_key
    shown = ShownKey(f"{origin}/actor#k", key.public_bytes_raw())
    async with transaction(pair.north.runtime.sessions) as session:
        peer = await new_peer(
            session,
            Discovered(origin, f"{origin}/actor", f"{origin}/inbox", (shown,), "", ""),
            shown,
        )
        peer.state = PeerState.ACTIVE
    return peer.id


async def test_what_nobody_foresaw_in_one_lane_does_not_end_the_others(
    peers: Pair, network: Network
) -> None:
    odd_id = await another_peer(peers, "https://odd.example")
    real, asked, reached = network.through, [], asyncio.Event()

    async def stumble(client: object, outgoing: Outgoing, **limits: int) -> Answer:
        if outgoing.url.startswith("https://odd.example"):
            asked.append(outgoing)
            reached.set()
            raise ZeroDivisionError
        # South's lane is in the middle of its message while the other one fails.
        await reached.wait()
        result: Answer = await real(client, outgoing, **limits)  # type: ignore[operator]
        return result

    network.through = stumble
    await one_need(peers)
    await peers.north.write_mail()
    await deliver_messages(peers.north.runtime)
    await peers.south.work()
    assert len(await peers.south.mirrored()) == 1
    assert len(asked) == 1  # it rests now
    async with peers.north.runtime.sessions() as session:
        odd = await session.get_one(PeerOutbox, odd_id)
        kept = select(Delivery.state).where(Delivery.peer_id == odd_id)
        states = set((await session.exec(kept)).all())
    assert (odd.failures, odd.last_failure) == (1, "failed")
    assert odd.next_attempt_at > clock.now()
    assert odd.leased_until <= clock.now()
    assert states == {DeliveryState.PENDING}
    with clock.moved(timedelta(seconds=20)):
        await deliver_messages(peers.north.runtime)
    assert len(asked) == 2


async def test_a_hanging_peer_does_not_delay_another(peers: Pair, network: Network) -> None:
    await another_peer(peers, "https://slow.example")
    real, released = network.through, asyncio.Event()

    async def hang(client: object, outgoing: Outgoing, **limits: int) -> Answer:
        if outgoing.url.startswith("https://slow.example"):
            await released.wait()
            raise OutboundError("too slow")
        result: Answer = await real(client, outgoing, **limits)  # type: ignore[operator]
        return result

    network.through = hang
    await one_need(peers)
    working = asyncio.create_task(peers.north.work())
    await arrived(peers.south, 2)
    owner, organisation = peers.north.people[-1], await only_organisation(peers)
    await peers.north.open_need(owner, organisation, audience="public")
    await react_to_activities(peers.north.runtime)
    await arrived(peers.south, 3)
    assert not working.done()
    released.set()
    await working


async def arrived(instance: Instance, count: int) -> None:
    """Wait until an instance has stored so many messages."""
    for _ in range(200):
        if (await instance.stored())["IncomingMessage"] == count:
            return
        await asyncio.sleep(0.05)
    pytest.fail("the other peer waited for the hanging one")


async def only_organisation(pair: Pair) -> Json:
    """Return north's one organisation."""
    (found,) = (await pair.north.stranger().get("/organisations"))["items"]
    organisation: Json = found
    return organisation
