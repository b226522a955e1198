"""A book that a member takes away, held against a witness by its key alone."""

import json
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from app import verifier
from app.cli.ledger_checks import look_at_log
from app.domain.checkpoints.signing import open_signer
from app.infra.database import DatabaseSession, async_url, transaction
from tests.factories import tampering
from tests.factories.world import Json
from tests.federation.witnesses.conftest import Ledger, fetch
from tests.federation.witnesses.test_restored import declared

# The attacker puts the witness's signatures under other states of the same size.
MOVED = (
    "UPDATE cosignatures SET root = checkpoints.root FROM checkpoints "
    "WHERE checkpoints.size = cosignatures.size"
)
Step = Callable[[AsyncSession], Awaitable[object]]


async def exported(ledger: Ledger) -> Json:
    """What a member downloads."""
    (book,) = (await ledger.owner.get("/books"))["items"]
    answer = await ledger.owner.ask("GET", f"/books/{book['id']}/export")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="book-')
    found: Json = json.loads(answer.content)
    assert found["book"]["id"] == book["id"]
    return found


async def checked(ledger: Ledger, export: Json, *kept: str) -> verifier.Report:
    """Check it by the keys that the witness tells anybody, and what was kept."""
    keys = (await fetch(f"{ledger.south.origin}/witness/keys")).text.split()
    states = [verifier.read_checkpoint(note) for note in kept]
    return verifier.verify(export, verifier.Outside(list(map(verifier.read_key, keys)), states))


async def as_superuser(ledger: Ledger, *steps: Step) -> None:
    """Do what no guard of the database looks at."""
    engine = create_async_engine(async_url(ledger.owner_url), poolclass=NullPool)
    async with engine.begin() as connection:
        session = DatabaseSession(bind=connection, expire_on_commit=False)
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for step in steps:
            await step(session)
        await session.flush()
    await engine.dispose()


async def rewrite(ledger: Ledger, place: int, *more: Step) -> None:
    """Double the minutes of an entry, and make all sums, hashes and signatures anew."""
    runtime = ledger.north.runtime
    async with transaction(runtime.sessions) as session:
        signer = await open_signer(session, runtime.origin, runtime.data_dir)

    async def double(session: AsyncSession) -> None:
        await tampering.amount(session, place)

    async def refit(session: AsyncSession) -> None:
        await tampering.fit_hashes(session, signer, [2, 3])

    await as_superuser(ledger, double, tampering.fit_balances, refit, *more)


def sql(statement: str) -> Step:
    async def step(session: AsyncSession) -> None:
        await tampering.run(session, statement)

    return step


@pytest.fixture
async def grown(ledger: Ledger) -> Ledger:
    """Two states that the witness signed: of two leaves, and of three."""
    await ledger.grow(2)
    await ledger.grow(1)
    return ledger


async def test_the_key_of_a_witness_proves_a_book(grown: Ledger) -> None:
    export = await exported(grown)
    report = await checked(grown, export)
    assert (report.problems, report.code) == ([], verifier.HOLDS)
    assert (report.entries, report.entries_proven, len(report.anchors)) == (3, 3, 1)
    assert f"{grown.south.origin.partition('://')[2]}/ledger signed on " in report.anchors[0]
    # One entry's proof bears the same signature.
    entry = export["records"][0]["body"]["id"]
    proof = (await grown.owner.get(f"/entries/{entry}"))["proof"]
    assert proof["checkpoint"] == await grown.held_by_south()
    # Who may not read the book whole takes nothing of it away.
    path = f"/books/{export['book']['id']}/export"
    assert (await grown.worker.ask("GET", path)).status_code == 404
    assert (await grown.north.stranger().ask("GET", path)).status_code == 401


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        # What the witness signed is left where it was: it says another root.
        ([], "History was rewritten below the checkpoint of 3 leaves."),
        # Its signature is put under what was made anew.
        ([MOVED], "never signed the checkpoint of 3 leaves"),
        # It is left out altogether.
        (["DELETE FROM cosignatures"], "Nothing here bears the signature of the witness"),
    ],
)
async def test_a_careful_rewrite_is_found(grown: Ledger, more: list[str], problem: str) -> None:
    kept = await grown.held_by_south()
    await rewrite(grown, 0, *map(sql, more))
    export = await exported(grown)
    assert verifier.verify(export, verifier.Outside()).code in {
        verifier.UNPROVEN, verifier.BROKEN,
    }  # fmt: skip
    report = await checked(grown, export)
    assert report.code == verifier.BROKEN
    assert problem in "\n".join(report.problems)
    # What the witness hands out finds it whatever the file leaves out.
    assert (await checked(grown, export, kept)).code == verifier.BROKEN


async def test_an_older_signature_does_not_hide_a_forged_newer_one(grown: Ledger) -> None:
    """Only the last entry is rewritten: the state below it holds, and proves nothing of it."""
    await rewrite(grown, 2, sql(MOVED))
    report = await checked(grown, await exported(grown))
    assert report.code == verifier.BROKEN
    (problem,) = report.problems
    assert "/ledger never signed the checkpoint of 3 leaves that bears its name." in problem


async def test_an_old_signature_is_never_dropped(
    grown: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many states without a witness come after the one that it signed."""
    monkeypatch.setattr("app.domain.ledger.export.CHECKPOINTS_MAX", 1)
    await as_superuser(grown, sql("DELETE FROM cosignatures WHERE size = 3"))
    export = await exported(grown)
    assert len(export["log"]["checkpoints"]) == 2
    report = await checked(grown, export)
    assert (report.code, report.entries, report.entries_proven) == (verifier.HOLDS, 3, 2)
    assert "1 are newer" in verifier.words(report)


async def test_a_public_fork_is_told_and_holds(grown: Ledger) -> None:
    await grown.back_up()
    await grown.grow(1)
    given_up = await grown.held_by_south()
    await grown.come_back()
    await grown.later()
    assert await declared(grown) == (201, "")
    await grown.grow(1)
    export = await exported(grown)
    assert export["log"]["origin"].endswith("/fork-1")
    report = await checked(grown, export)
    assert (report.problems, report.code) == ([], verifier.HOLDS)
    assert (report.entries, report.entries_proven) == (4, 4)
    assert "A public fork was declared on " in report.remarks[0]
    # Who kept the state that was given up is told so, and not that all is well.
    told = await checked(grown, export, given_up)
    assert told.code == verifier.BROKEN
    assert "some of the 4 leaves of a checkpoint were given up" in "\n".join(told.problems)
    (fork,) = [each["body"] for each in export["records"] if each["body"]["type"] == "fork"]
    assert fork["common"]["size"] == 3


async def test_the_doctor_hashes_every_leaf_once_more(grown: Ledger) -> None:
    async def roots_hold() -> bool:
        runtime = grown.north.runtime
        async with transaction(runtime.sessions) as session:
            found = await look_at_log(session, runtime.data_dir)
        return {finding.name: finding.ok for finding in found}["ledger roots"]

    assert await roots_hold()
    place = "UPDATE log_leaves SET data = set_byte(data, 9, 255 - get_byte(data, 9)) "
    await as_superuser(grown, sql(place + "WHERE position = 1"))
    assert not await roots_hold()
    await as_superuser(grown, sql(place + "WHERE position = 1"))
    assert await roots_hold()
    # With all of our own made anew, what the witness signed still does not come out.
    await rewrite(grown, 0)
    assert not await roots_hold()
    # Nor does it where a leaf is missing.
    await as_superuser(grown, sql("DELETE FROM log_leaves WHERE position = 0"))
    assert not await roots_hold()
