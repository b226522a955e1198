"""Workers killed again and again while thousands of messages are on their way to a peer.

Two instances on loopback. What sends for one and what applies for the other run in processes of
their own, with the one chore each that matters here, and are ended by SIGKILL: the sender each time
with a message in flight and some sent and not yet noted, and at every fourth of them the receiver's
worker too, wherever in a page of the log it is. In the end everything is there, once.

More than twenty waiting messages are read from the log by the receiver, two hundred a page, so
most travel like that. After each kill the sender's patience with the reader is over, and it pushes:
the same messages as before it died, and the same that are just being read.

As a rule a thousand messages and eight kills, to keep the time that it takes small;
`WHOLE_TESTS=1` makes it ten thousand and forty, some minutes of both cores.
"""

import asyncio
import json
import multiprocessing
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import col

from app.federation.outbox import message_of, need_address, proposal_of
from app.federation.peers import queries
from app.federation.peers.identity import Identity
from app.federation.peers.post import Held, send_ordered
from app.federation.rules import content_hash
from app.federation.wire.documents import Message, part_to_wire, to_wire
from app.federation.wire.needs import CreateNeed, UpdateNeed
from app.infra import clock
from app.infra.canonical import canonical_json
from app.infra.database import async_url, transaction
from app.infra.ids import public_id
from app.infra.logging import configure_logging
from app.infra.runtime import Runtime, make_runtime
from app.models.federation import FederationEvent
from app.models.needs import Need, NeedState
from app.settings import Settings
from app.workers.federation import deliver_messages, process_inbox
from app.workers.runtime import Chore, ChoreFunction
from tests.conftest import Services, make_settings
from tests.factories.holdings import in_step
from tests.factories.instances import Instance, Pair
from tests.federation.conftest import make_database_apart, running
from tests.sizes import WHOLE

MESSAGES, KILLS = (10_000, 40) if WHOLE else (1_000, 8)
EACH_CHANGE = 10  # one message of so many is about a need that an earlier one was about
CHANGED = MESSAGES // EACH_CHANGE
EACH_BOTH = 4  # at one kill of so many the receiver's worker is killed as well
PUSHES_MAX = 20
LAST_KILL_AT = MESSAGES * 8 // 10
# A killed worker's lease holds for a minute. Instead of waiting, the clock of all goes on.
OVER_THE_LEASE = timedelta(seconds=61)
POLL_SECONDS = 0.03
PATIENCE_SECONDS = 15.0
STUCK_SECONDS = 300.0
SEEDED_AT_ONCE = 1_000

PUSHED = "SELECT count(*) FROM seen_nonces"
NOTED = "SELECT coalesce(sum(attempts), 0) FROM deliveries"
APPLIED = "SELECT coalesce(max(applied_seq), 0) FROM peer_inboxes"
PENDING = "SELECT count(*) FROM deliveries WHERE state = 'pending'"
# What must be, as (what it is, where, the question, the answer).
RIGHT = (
    ("sent, each with its number", "north", ("SELECT count(DISTINCT seq) FROM deliveries "
     "WHERE seq BETWEEN 1 AND {messages} AND state = 'sent'"), MESSAGES),
    ("still to send", "north", PENDING, 0),
    ("refused", "north", "SELECT count(*) FROM deliveries WHERE state = 'dead'", 0),
    ("numbered", "north", "SELECT last_seq FROM peer_outboxes", MESSAGES),
    # What was pushed is acknowledged by the answer to it, what is read by the next question.
    ("acknowledged and never written", "north",
     "SELECT count(*) FROM peer_outboxes WHERE acknowledged_seq > last_seq", 0),
    ("reached without a gap", "south", "SELECT applied_seq FROM peer_inboxes", MESSAGES),
    ("arrived", "south", "SELECT count(*) FROM incoming_messages WHERE seq IS NOT NULL", MESSAGES),
    ("numbers of what arrived", "south", ("SELECT count(DISTINCT seq) FROM incoming_messages "
     "WHERE seq BETWEEN 1 AND {messages}"), MESSAGES),
    ("ids of what arrived", "south", ("SELECT count(DISTINCT activity_id) FROM incoming_messages "
     "WHERE seq IS NOT NULL"), MESSAGES),
    ("not applied", "south",
     "SELECT count(*) FROM incoming_messages WHERE state <> 'applied'", 0),
    ("needs", "south", "SELECT count(*) FROM needs", MESSAGES - CHANGED),
    ("addresses of needs", "south",
     "SELECT count(DISTINCT origin_url) FROM needs", MESSAGES - CHANGED),
    ("needs in their second version", "south",
     "SELECT count(*) FROM needs WHERE version = 2 AND title LIKE '% again'", CHANGED),
    ("needs in their first version", "south", ("SELECT count(*) FROM needs WHERE version = 1 "
     "AND title NOT LIKE '% again'"), MESSAGES - 2 * CHANGED),
    ("first effects", "south", ("SELECT count(*) FROM activities "
     "WHERE noun = 'need' AND verb = 'need.mirrored'"), MESSAGES - CHANGED),
    ("second effects", "south", ("SELECT count(*) FROM activities "
     "WHERE noun = 'need' AND verb = 'need.mirror_updated'"), CHANGED),
    ("effects that came twice", "south", ("SELECT count(*) FROM (SELECT FROM activities "
     "WHERE noun = 'need' GROUP BY object_id, verb HAVING count(*) > 1) AS twice"), 0),
    # Nothing was lost and then mended by a comparison of all that both hold.
    ("mended", "south", ("SELECT count(*) FROM peer_inboxes "
     "WHERE manifest_due OR repaired_at IS NOT NULL OR mismatches > 0"), 0),
)  # fmt: skip
# Each must be seen by what is right above: otherwise it would see nothing.
HARM = (
    ("south", "DELETE FROM incoming_messages WHERE seq = 500"),
    ("south", ("UPDATE needs SET version = 1 WHERE id IN "
     "(SELECT id FROM needs WHERE version = 2 LIMIT 1)")),
    ("south", ("INSERT INTO activities "
     "(noun, verb, object_id, details, pending, attempts, at, next_try_at) "
     "SELECT noun, verb, object_id, details, pending, attempts, at, next_try_at FROM activities "
     "WHERE verb = 'need.mirrored' LIMIT 1")),
    ("south", "UPDATE peer_inboxes SET applied_seq = applied_seq - 1"),
    ("north", "UPDATE deliveries SET state = 'pending' WHERE seq = 7"),
)  # fmt: skip


def work_alone(name: str, run: ChoreFunction, values: Mapping[str, Any], ahead: timedelta) -> None:
    """Be a worker of an instance that has one chore, in a process of its own."""
    configure_logging("WARNING")

    async def work() -> None:
        chore = Chore(name, run, make_runtime(**Settings(**values).tools()))
        while True:
            await chore.ring()
            await asyncio.sleep(POLL_SECONDS)

    with clock.moved(ahead):
        asyncio.run(work())


class Worker:
    """A worker that is started and killed, again and again."""

    def __init__(self, context: ForkServerContext, run: ChoreFunction, settings: Settings) -> None:
        self._context, self._run, self._values = context, run, settings.model_dump()
        self._process: ForkServerProcess | None = None

    def start(self, ahead: timedelta) -> None:
        given = (self._run.__name__, self._run, self._values, ahead)
        self._process = self._context.Process(target=work_alone, args=given, daemon=True)
        self._process.start()

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        assert self._process.is_alive(), "a worker ends when it is killed, and not otherwise"
        self._process.kill()
        self._process.join()
        self._process = None

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()


class Killing:
    """Both workers, the clock that all share, and what is seen of their progress."""

    def __init__(self, pair: Pair, settings: list[Settings], time_passes: ExitStack) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["app.workers.main"])
        self.sender = Worker(context, deliver_messages, settings[0])
        self.receiver = Worker(context, process_inbox, settings[1])
        self.pair = pair
        self.ahead = timedelta(0)
        self._time_passes = time_passes

    def pass_the_lease(self) -> None:
        """Let a lease run out: for both instances and for the workers that are started next."""
        self.ahead += OVER_THE_LEASE
        self._time_passes.enter_context(clock.moved(OVER_THE_LEASE))

    async def pushed(self) -> int:
        """Count the requests of the sender that the receiver saw: each has a nonce."""
        return await count(self.pair.south.runtime, PUSHED)

    async def noted(self) -> int:
        return await count(self.pair.north.runtime, NOTED)

    async def applied(self) -> int:
        return await count(self.pair.south.runtime, APPLIED)

    async def pending(self) -> int:
        return await count(self.pair.north.runtime, PENDING)

    async def nudge(self) -> None:
        """Let the sender say that much is waiting; nobody reads it yet."""
        self.sender.start(self.ahead)
        await until(self.noted, at_least=await self.noted() + 1)
        self.sender.kill()

    async def push(self) -> int:
        """Start the sender until it pushes; answers how much had been pushed before."""
        while True:
            self.pass_the_lease()
            before = await self.pushed()
            self.sender.start(self.ahead)
            if await seen(self.pushed, at_least=before + 1):
                return before
            # The reader's last question came after the clock went on: the sender waits for it.
            self.sender.kill()

    async def kill_the_sender(self, pushes: int) -> None:
        """Kill it while it pushes: the receiver's API stores, and nobody applies."""
        before = await self.push()
        await seen(self.pushed, at_least=before + pushes)
        self.sender.kill()

    async def kill_both(self, pushes: int, applied: int) -> None:
        """Kill the sender while the receiver reads the same messages, and then that as well."""
        before = await self.push()
        self.receiver.start(self.ahead)

        async def far_enough() -> int:
            return await self.pushed() >= before + pushes or await self.applied() >= applied

        await seen(far_enough, at_least=True)
        self.sender.kill()
        await until(self.applied, at_least=applied)
        self.receiver.kill()

    async def finish(self) -> None:
        """Let both work in peace until nothing waits."""
        noted = await self.noted()
        await self.push()
        await until(self.noted, at_least=noted + 1)
        self.receiver.start(self.ahead)
        await until(self.sent, at_least=MESSAGES)
        self.sender.kill()
        # What was pushed in the end is stored there, and still to be applied.
        await until(self.applied, at_least=MESSAGES)
        self.receiver.kill()

    async def sent(self) -> int:
        return MESSAGES - await self.pending()

    def end(self) -> None:
        self.sender.end()
        self.receiver.end()


async def until(look: Callable[[], Awaitable[int]], *, at_least: int) -> None:
    assert await seen(look, at_least=at_least, seconds=STUCK_SECONDS), look.__name__


async def seen(
    look: Callable[[], Awaitable[int]], *, at_least: int, seconds: float = PATIENCE_SECONDS
) -> bool:
    """Look until it is so; answers False when it does not come to be."""
    deadline = time.monotonic() + seconds
    while await look() < at_least:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


async def count(runtime: Runtime, statement: str) -> int:
    async with runtime.engine.connect() as connection:
        return int((await connection.execute(text(statement))).scalar_one())


async def seed(north: Instance, owner_url: str) -> None:
    """Write all messages as the product does: of needs, and of changes of some."""
    ours = await north.identity()
    need = open_need()
    first = Spelling(ours, need, CreateNeed)
    need.title, need.version = f"{need.title} again", 2
    second = Spelling(ours, need, UpdateNeed)
    for _ in range(MESSAGES // SEEDED_AT_ONCE):
        need_ids: list[UUID] = []
        messages: list[tuple[dict[str, Any], Held]] = []
        for number in range(SEEDED_AT_ONCE):
            if number % EACH_CHANGE != EACH_CHANGE - 1:
                need_ids.append(public_id())
                messages.append(first.about(need_ids[-1]))
            else:
                messages.append(second.about(need_ids[-EACH_CHANGE // 2]))
        async with transaction(north.runtime.sessions) as session:
            (peer,) = await queries.active_peers(session)
            written = insert(FederationEvent).returning(
                col(FederationEvent.id), sort_by_parameter_order=True
            )
            events = await session.execute(written, [row for row, _ in messages])
            event_ids = [int(each) for each in events.scalars()]
            await send_ordered(session, peer.id, event_ids, [held for _, held in messages])
    await as_owner(owner_url, "ANALYZE federation_events, deliveries, peer_holdings")


class Spelling:
    """A message about a need as the product writes it, to be had again under other ids."""

    def __init__(self, ours: Identity, need: Need, kind: type[Message]) -> None:
        message = message_of(ours, need, kind)
        self._ours, self._need, self._kind = ours, need.model_copy(), message.type
        self._message_id = message.id.encode()
        self._body = canonical_json(to_wire(message))
        self._part = canonical_json(part_to_wire(proposal_of(ours, need)))

    def about(self, need_id: UUID) -> tuple[dict[str, Any], Held]:
        """Return the row of a message about another need, and what its receiver then holds."""
        names = str(self._need.id).encode(), str(need_id).encode()
        message_id = self._ours.new_id("activities")
        url, version = need_address(self._ours, need_id), self._need.version
        row = {
            "activity_id": message_id,
            "activity_type": self._kind,
            "object_url": url,
            "object_version": version,
            "listed": True,
            "body": self._body.replace(*names).replace(self._message_id, message_id.encode()),
            "created_at": clock.now(),
        }
        return row, Held(url, version, content_hash(json.loads(self._part.replace(*names))))


def open_need() -> Need:
    now = clock.now()
    return Need(
        id=public_id(),
        organisation_name="Old Town Movers",
        title="Two people to lift a piano",
        language="en",
        state=NeedState.OPEN,
        created_at=now,
        published_at=now,
        updated_at=now,
    )


async def as_owner(owner_url: str, statement: str) -> None:
    engine = create_async_engine(async_url(owner_url), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


async def without_waiting_for_the_disk(owner_url: str) -> None:
    """PostgreSQL is not what is killed: what it has committed stays, on the disk or not yet."""
    name = make_url(owner_url).database
    await as_owner(owner_url, f'ALTER DATABASE "{name}" SET synchronous_commit TO off')


@pytest.fixture
async def apart(
    servers: Services, worker_id: str, tmp_path: Path
) -> AsyncIterator[tuple[Pair, list[Settings], str]]:
    """Two peers, the settings by which workers beside them are started, and north's owner."""
    name = f"tornallom_test_{worker_id}_killed"
    databases = [await make_database_apart(servers, f"{name}_{side}") for side in (1, 2)]
    for database in databases:
        await without_waiting_for_the_disk(database.owner_url)
    async with running(databases[0], databases[1], tmp_path) as pair:
        await pair.shake_hands()
        origins = (pair.north.origin, pair.south.origin)
        sides = zip(("north", "south"), origins, databases, strict=True)
        settings = [
            make_settings(database, tmp_path / side, base_url=origin, dev_peers=origins)
            for side, origin, database in sides
        ]
        yield pair, settings, databases[0].owner_url


async def complaints(north: AsyncConnection, south: AsyncConnection) -> list[str]:
    """Say what is not as it must be."""
    sides = {"north": north, "south": south}
    found = []
    for what, side, question, right in RIGHT:
        asked = text(question.format(messages=MESSAGES))
        answer = (await sides[side].execute(asked)).scalar_one()
        if answer != right:
            found.append(f"{what}: {answer}, not {right}")
    return found


@pytest.mark.slow
@pytest.mark.timeout(1_800 if WHOLE else 600)
async def test_kills_on_the_way_lose_nothing_and_do_nothing_twice(
    apart: tuple[Pair, list[Settings], str],
) -> None:
    pair, settings, owner_url = apart
    await seed(pair.north, owner_url)
    drawn = random.Random(20_261_121)
    with ExitStack() as time_passes:
        killing = Killing(pair, settings, time_passes)
        try:
            await killing.nudge()
            for kill in range(1, KILLS + 1):
                # Fewer than the fifty that are noted together: what was sent is not noted yet.
                pushes = drawn.randint(1, PUSHES_MAX)
                if kill % EACH_BOTH:
                    await killing.kill_the_sender(pushes)
                else:
                    await killing.kill_both(pushes, LAST_KILL_AT * kill // KILLS)
            forgotten = await killing.pushed() - await killing.noted()
            await killing.finish()
        finally:
            killing.end()
        # Sent and taken, and forgotten by the sender because it died: sent again.
        assert forgotten >= KILLS
        await nothing_lost_and_nothing_twice(pair)


async def nothing_lost_and_nothing_twice(pair: Pair) -> None:
    async with (
        pair.north.runtime.engine.connect() as north,
        pair.south.runtime.engine.connect() as south,
    ):
        found = await complaints(north, south)
        assert not found, "; ".join(found)
        for side, harm in HARM:
            harmed = {"north": north, "south": south}[side]
            await harmed.execute(text(harm))
            assert await complaints(north, south) != [], harm
            await harmed.rollback()
    assert await in_step(pair), "both count the same objects with the same content"
