"""A large period closes step by step; killed anywhere, it goes on to the same root."""

import asyncio
import os
import signal
import sys
from uuid import UUID

from app.domain.periods import drafting, sealing
from app.domain.periods.queries import lock_of, lock_period
from app.domain.periods.rules import WORKERS_A_STEP
from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.ledger import BookStatus, BookStatusKind
from app.models.periods import Period, PeriodState
from tests.conftest import Services
from tests.factories.periods import AFTER_OBJECTIONS, FIRST, LAST, Cooperative, cooperative
from tests.factories.processes import PROJECT
from tests.factories.world import World

WORKERS = 200
KILLED_AT = 4


async def _crowd(made: Cooperative) -> None:
    """Two hundred worker-owners, each with some hours; some of them have had some taken back."""
    async with transaction(made.world.runtime.sessions) as session:
        for at in range(WORKERS - 2):
            holder = private_id()
            status = BookStatus(
                status_id=private_id(), book_id=made.book_id, account_id=holder,
                status=BookStatusKind.WORKER_OWNER, since=FIRST,
            )  # fmt: skip
            session.add(status)
            await made.post_minutes(session, holder, 60 * (20 + at % 37), FIRST)


async def _killed(database: Services, period_id: str, step: int) -> None:
    kept = {name: value for name, value in os.environ.items() if "TORNALLOM" not in name}
    given = {
        "TORNALLOM_DATABASE_URL": database.app_url,
        "TORNALLOM_DATABASE_OWNER_URL": database.owner_url,
        "TORNALLOM_REDIS_URL": database.redis_url,
        "TORNALLOM_NO_BOOTSTRAP": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.factories.closing", period_id, str(step),
        cwd=PROJECT, env={**kept, **given},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


async def _undisturbed_draft(world: World, period_id: UUID) -> bytes:
    """What the draft says where nothing goes wrong; never committed."""
    async with world.runtime.sessions() as session:
        while await drafting.draw_step(session, period_id):
            pass
        return (await lock_period(session, period_id)).outcome_hash or b""


async def _undisturbed_root(world: World, period_id: UUID) -> tuple[bytes, bytes]:
    """The root and the document of a lock that nothing disturbs; never committed."""
    async with world.runtime.sessions() as session:
        await sealing.lock_signed(session, period_id)
        lock = await lock_of(session, period_id)
        assert lock is not None
        return lock.root, lock.document


async def _period(world: World, period_id: UUID) -> Period:
    async with transaction(world.runtime.sessions) as session:
        return await session.get_one(Period, period_id)


async def test_two_hundred_workers_killed_in_the_middle_resumed_same_root(
    world: World, database: Services
) -> None:
    made = await cooperative(world, "anna", "berta")
    for name in made.members:
        await made.give(made.id_of(name), 6_000)
    await _crowd(made)
    period = await made.open(LAST, 12_345_678, FIRST)
    period_id = UUID(period["id"])
    body = {"to": "frozen", "version": period["version"]}
    await made.owner.post(f"/periods/{period['id']}/transitions", body, expect=200)
    expected = await _undisturbed_draft(world, period_id)
    assert (await _period(world, period_id)).workers_done == 0
    await _killed(database, period["id"], KILLED_AT)
    halfway = await made.owner.get(f"/periods/{period['id']}")
    assert halfway["state"] == "frozen"
    assert halfway["workers_done"] == (KILLED_AT - 1) * WORKERS_A_STEP
    assert halfway["workers_total"] == WORKERS
    await world.work()
    drafted = await made.owner.get(f"/periods/{period['id']}")
    assert (drafted["state"], drafted["outcome_hash"]) == ("drafted", expected.hex())
    with clock.moved(AFTER_OBJECTIONS):
        await made.sign_in_again()
        for name in made.members:
            await made.sign(drafted, name)
        root, document = await _undisturbed_root(world, period_id)
        await _killed(database, period["id"], 0)
        assert (await _period(world, period_id)).state == PeriodState.SIGNED
        await world.work()
        async with transaction(world.runtime.sessions) as session:
            lock = await lock_of(session, period_id)
        assert lock is not None
        assert (lock.root, lock.document) == (root, document)
        assert lock.entries == WORKERS + 2
        assert (await made.owner.get(f"/periods/{period['id']}"))["state"] == "locked"
    assert sum(line["amount"] for line in (await made.lines(period)).values()) > 0
