"""Whoever has the database rewrites the book; what others hold of its log finds it, every time.

Each way of tampering at fifty places, once roughly and once with every hash and signature made
anew: the attacker has the key by which the instance signs, and not those of its witnesses.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle
from typing import Any
from uuid import UUID, uuid5

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app import verifier
from app.domain.access import SYSTEM
from app.domain.checkpoints.signing import LedgerSigner, open_signer
from app.domain.ledger.export import export_book
from app.domain.ledger.posting import NewEntry, account_of, book_of, post_entry
from app.domain.ledger.rules import PostingLine, contribution_sides
from app.domain.policies.document import Policy
from app.infra import clock, notes
from app.infra.canonical import canonical_hash
from app.infra.database import DatabaseSession, async_url, transaction
from app.infra.notes import SignatureKind
from app.models.checkpoints import Checkpoint
from app.models.governance import (
    Decision,
    DecisionElector,
    DecisionOutcome,
    DecisionSubject,
    DecisionVote,
    VoteBase,
    VoteChoice,
)
from app.models.ledger import (
    BookStatus,
    BookStatusKind,
    EntryKind,
    LedgerAccountKind,
    LogKind,
    LogPending,
    WorkStream,
)
from app.models.policies import AdoptedPolicy
from app.workers.checkpoints import keep_log
from tests.conftest import Services
from tests.factories import tampering
from tests.factories.world import Json, World

PLACES = 50
NAMES = UUID("2a3f3c52-6f0b-4e0e-8b1d-6d9d1f2f0a77")
WORKERS = [uuid5(NAMES, f"worker {number}") for number in range(4)]
CONFIRMER = uuid5(NAMES, "confirmer")
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
WITNESS_NAME = "south.example/ledger"


@dataclass
class Ledger:
    """A book that a witness has signed, and what the attacker can do with it."""

    connection: AsyncConnection
    signer: LedgerSigner
    book_id: UUID
    origin: str
    kept: verifier.Checkpoint  # the newest state that the witness signed
    sizes: list[int]

    @property
    def outside(self) -> verifier.Outside:
        """What a member brings: the witness's key, and what the witness says it signed last."""
        key = notes.NoteKey(
            WITNESS_NAME, SignatureKind.COSIGNATURE, WITNESS.public_key().public_bytes_raw()
        )
        return verifier.Outside([verifier.read_key(key.written())], [self.kept])

    async def attacked(self, *steps: Callable[[AsyncSession], Awaitable[None]]) -> Json:
        """Do something to the database, export the book, and take it all back."""
        undo = await self.connection.begin()
        session = DatabaseSession(bind=self.connection, expire_on_commit=False)
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for step in steps:
            await step(session)
        session.expunge_all()
        pieces = [piece async for piece in export_book(session, self.book_id, self.origin)]
        await session.close()
        await undo.rollback()
        read: Json = json.loads("".join(pieces))
        return read


@pytest.fixture
async def ledger(world: World, database: Services) -> AsyncIterator[Ledger]:
    organisation = await world.organisation(await world.sign_up("owner"))
    runtime = world.runtime
    async with transaction(runtime.sessions) as session:
        book_id = await _fill(session, UUID(organisation["id"]))
    now = clock.now()
    with clock.frozen(now):
        await keep_log(runtime)
    async with transaction(runtime.sessions) as session:
        signer = await open_signer(session, runtime.origin, runtime.data_dir)
        (checkpoint,) = (await session.exec(select(Checkpoint))).all()
    assert checkpoint.size > PLACES + 5
    note = notes.read_note(checkpoint.note)
    line = notes.cosign(note.text, WITNESS_NAME, WITNESS, int(now.timestamp()))
    kept = verifier.read_checkpoint(note.with_signatures([line]).written())
    engine = create_async_engine(async_url(database.owner_url), poolclass=NullPool)
    async with engine.connect() as connection:
        yield Ledger(connection, signer, book_id, runtime.origin, kept, [20, checkpoint.size])
    await engine.dispose()


async def _fill(session: AsyncSession, organisation_id: UUID) -> UUID:
    """Enter statuses, rules, hours in all streams, and money."""
    book_id = await book_of(session, organisation_id)
    day = date(2026, 1, 5)
    for number, worker in enumerate(WORKERS):
        kind = list(BookStatusKind)[number % 2]
        await _add(
            session,
            LogKind.STATUS,
            BookStatus(status_id=uuid5(worker, "s"), book_id=book_id, account_id=worker,
                       status=kind, since=day, recorded_by=CONFIRMER),
            uuid5(worker, "s"),
        )  # fmt: skip
    for number in (1, 2):
        document = Policy(minimum_minutes=60 * number).model_dump(mode="json")
        await _add(
            session,
            LogKind.POLICY,
            AdoptedPolicy(id=uuid5(NAMES, f"p{number}"), book_id=book_id, version=number,
                          valid_from=day + timedelta(days=number), document=document,
                          document_hash=canonical_hash(document)),
            uuid5(NAMES, f"p{number}"),
        )  # fmt: skip
    streams = cycle(WorkStream)
    for number in range(56):
        worker = WORKERS[number % 4]
        worked_on = day + timedelta(days=number)
        new = NewEntry(EntryKind.SLIP, worked_on, CONFIRMER, note=f"slip {number}")
        stream = next(streams) if number % 4 else WorkStream.CARE
        sides = contribution_sides(worker, organisation_id, 60 + number, stream)
        await post_entry(session, SYSTEM, book_id, new, sides)
        for other in WorkStream:
            await account_of(session, book_id, LedgerAccountKind.WORKER, worker, other)
            owed = LedgerAccountKind.ORGANISATION
            await account_of(session, book_id, owed, organisation_id, other)
        if number % 10 == 9:
            await _pay(session, book_id, organisation_id, worked_on)
    for number in range(5):
        await _decide(session, book_id, number)
    return book_id


async def _decide(session: AsyncSession, book_id: UUID, number: int) -> None:
    """Let the two worker-owners differ about a dispute: it does not pass."""
    decision_id, now = uuid5(NAMES, f"d{number}"), clock.now()
    owners = [worker for at, worker in enumerate(WORKERS) if at % 2]
    session.add(
        Decision(
            id=decision_id, book_id=book_id, subject=DecisionSubject.APPEAL,
            subject_id=uuid5(NAMES, f"dispute {number}"), terms={}, base=VoteBase.YES_NO,
            numerator=1, denominator=2, more_than=True, quorum_numerator=1, quorum_denominator=2,
            roll_size=2, opened_by=owners[0], opened_at=now, ends_at=now + timedelta(days=1),
        )
    )  # fmt: skip
    await session.flush()
    session.add_all(DecisionElector(decision_id=decision_id, account_id=one) for one in owners)
    await session.flush()
    for owner, said in zip(owners, (VoteChoice.YES, VoteChoice.NO), strict=True):
        session.add(DecisionVote(decision_id=decision_id, account_id=owner, choice=said))
    outcome = DecisionOutcome(decision_id=decision_id, passed=False, yes=1, no=1, abstain=0)
    await _add(session, LogKind.DECISION, outcome, decision_id)


async def _add(session: AsyncSession, kind: LogKind, row: Any, subject: UUID) -> None:
    session.add(row)
    session.add(LogPending(kind=kind, subject=subject))
    await session.flush()


async def _pay(session: AsyncSession, book_id: UUID, organisation_id: UUID, on: date) -> None:
    members = [
        await account_of(session, book_id, LedgerAccountKind.CAPITAL, worker)
        for worker in WORKERS[:3]
    ]
    pool = await account_of(session, book_id, LedgerAccountKind.POOL, organisation_id)
    lines = [PostingLine(member, "EUR", 1000) for member in members]
    new = NewEntry(EntryKind.OPENING, on, CONFIRMER)
    await post_entry(session, SYSTEM, book_id, new, [*lines, PostingLine(pool, "EUR", -3000)])


async def test_an_untouched_book_holds(ledger: Ledger) -> None:
    export = await ledger.attacked()
    report = verifier.verify(export, ledger.outside)
    assert report.problems == []
    assert report.code == verifier.HOLDS
    assert (report.entries, report.entries_proven) == (61, 61)
    assert "nothing of these was changed" in verifier.words(report)
    alone = verifier.verify(export, verifier.Outside())
    assert alone.code == verifier.UNPROVEN
    assert "PROVES LITTLE" in verifier.words(alone)
    assert "--witness" in verifier.words(alone)


@pytest.mark.parametrize("kind", tampering.KINDS)
async def test_tampering_is_found_at_every_place(ledger: Ledger, kind: str) -> None:
    untouched = (await ledger.attacked())["records"]
    found = 0
    for place in range(PLACES):
        export = await ledger.attacked(_doing(kind, place), tampering.fit_balances)
        report = verifier.verify(export, ledger.outside)
        assert report.problems, f"{kind} at {place}"
        assert report.code == verifier.BROKEN
        assert export["records"] != untouched
        found += 1
    assert found == PLACES


@pytest.mark.parametrize("kind", tampering.KINDS)
async def test_it_is_found_with_every_hash_made_anew(ledger: Ledger, kind: str) -> None:
    """Against itself such a file holds: the proof is what the witness holds, and nothing else."""

    async def refit(session: AsyncSession) -> None:
        await tampering.fit_hashes(session, ledger.signer, ledger.sizes)

    for place in range(PLACES):
        steps = _doing(kind, place), tampering.fit_balances, refit
        export = await ledger.attacked(*steps)
        alone = verifier.BROKEN if kind in tampering.FOUND_ALONE else verifier.UNPROVEN
        assert verifier.verify(export, verifier.Outside()).code == alone, f"{kind} at {place}"
        report = verifier.verify(export, ledger.outside)
        assert report.code == verifier.BROKEN, f"{kind} at {place}"


def _doing(kind: str, place: int) -> Callable[[AsyncSession], Awaitable[None]]:
    async def step(session: AsyncSession) -> None:
        await tampering.KINDS[kind](session, place)

    return step
