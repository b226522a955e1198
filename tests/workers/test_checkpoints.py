"""The log takes up what came into the books, once and without a gap, and signs its state."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from app.domain.checkpoints import actions, queries
from app.domain.checkpoints.bodies import bodies_of
from app.domain.checkpoints.rules import CHECKPOINT_EVERY, leaf_data
from app.domain.checkpoints.signing import open_signer, public_keys, renew_key
from app.errors import NotFoundError
from app.infra import clock, merkle, notes
from app.infra.canonical import canonical_json
from app.infra.database import transaction
from app.infra.notes import SignatureKind
from app.models.checkpoints import Checkpoint, LogLeaf
from app.models.ledger import Entry, LogKind
from app.workers.checkpoints import keep_log
from tests.factories.world import Json, Person, World


class Books:
    """An organisation in whose book entries come."""

    def __init__(self, world: World, owner: Person, worker: Person, organisation: Json) -> None:
        self.world, self.owner, self.worker = world, owner, worker
        self.organisation = organisation

    async def confirmed(self, times: int = 1) -> None:
        for _ in range(times):
            need = await self.world.open_need(self.owner, self.organisation)
            claim = await self.world.submitted_claim(self.worker, self.owner, need)
            await self.world.confirm(self.owner, claim)

    async def leaves(self) -> Sequence[LogLeaf]:
        async with transaction(self.world.runtime.sessions) as session:
            statement = select(LogLeaf).order_by(text("position"))
            return (await session.exec(statement)).all()

    async def checkpoints(self) -> Sequence[Checkpoint]:
        async with transaction(self.world.runtime.sessions) as session:
            return (await session.exec(select(Checkpoint).order_by(text("size")))).all()


@pytest.fixture
async def books(world: World) -> Books:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    return Books(world, owner, worker, await world.organisation(owner))


async def test_entries_become_leaves_and_the_state_is_signed(books: Books) -> None:
    await books.confirmed(3)
    runtime = books.world.runtime
    assert await keep_log(runtime) == 3
    assert await keep_log(runtime) == 0
    leaves = await books.leaves()
    assert [leaf.position for leaf in leaves] == [0, 1, 2]
    (checkpoint,) = await books.checkpoints()
    root = merkle.root_of([merkle.leaf_hash(leaf.data) for leaf in leaves])
    note = notes.read_note(checkpoint.note)
    said = notes.read_checkpoint(note.text)
    assert (said.size, said.root, checkpoint.root) == (3, root, root)
    assert said.origin == "127.0.0.1:8080/ledger"
    async with transaction(runtime.sessions) as session:
        (key,) = await public_keys(session, runtime.origin, SignatureKind.NOTE)
        notes.check(note, key)
        for leaf in leaves:
            bodies = await bodies_of(session, LogKind.ENTRY, [leaf.subject])
            body = bodies[leaf.subject]
            assert leaf.data == leaf_data(leaf.book_id, leaf.position, body.canonical())
            assert leaf.data[8:] == sha256(canonical_json(body.document)).digest()
            found = await queries.inclusion_of(session, LogKind.ENTRY, leaf.subject)
            merkle.check_inclusion(
                merkle.leaf_hash(found.data), found.position, found.size, found.proof, root
            )


async def test_a_body_says_everything_of_an_entry(books: Books) -> None:
    await books.confirmed()
    async with transaction(books.world.runtime.sessions) as session:
        entry = (await session.exec(select(Entry))).one()
        body = (await bodies_of(session, LogKind.ENTRY, [entry.entry_id]))[entry.entry_id].document
    columns = set(Entry.model_fields) - {"id"}
    told = {name.removesuffix("_id") for name in columns - {"entry_id"}} | {"id"}
    assert set(body) == told | {"type", "version", "postings", "links"}
    assert sorted((each["kind"], each["amount"]) for each in body["postings"]) == [
        ("organisation", -90),
        ("worker", 90),
    ]
    assert {each["stream"] for each in body["postings"]} == {"gift"}


async def test_the_blind_spot_is_ten_minutes(books: Books) -> None:
    runtime = books.world.runtime
    now = clock.now()
    await books.confirmed()
    with clock.frozen(now):
        await keep_log(runtime)
    await books.confirmed()
    with clock.frozen(now + CHECKPOINT_EVERY - timedelta(seconds=1)):
        assert await keep_log(runtime) == 1
        assert len(await books.checkpoints()) == 1
    with clock.frozen(now + CHECKPOINT_EVERY):
        await keep_log(runtime)
        assert [one.size for one in await books.checkpoints()] == [1, 2]
    with clock.frozen(now + CHECKPOINT_EVERY * 3):
        await keep_log(runtime)
        assert len(await books.checkpoints()) == 2  # nothing came: nothing to sign
    async with transaction(runtime.sessions) as session:
        first, second = await books.checkpoints()
        proof = await queries.consistency(session, first.size, second.size)
        merkle.check_consistency((1, first.root), (2, second.root), proof)
        with pytest.raises(NotFoundError):
            await queries.consistency(session, 1, 3)
        with pytest.raises(NotFoundError):
            await queries.inclusion_of(session, LogKind.ENTRY, UUID(int=1))


async def test_many_workers_at_once_leave_no_gap(books: Books) -> None:
    await books.confirmed(2)
    async with transaction(books.world.runtime.sessions) as session:
        # Many more that wait, without the long road of a claim for each.
        await session.execute(
            text(
                "INSERT INTO book_statuses (status_id, book_id, account_id, status, since, "
                "recorded_at) SELECT gen_random_uuid(), books.id, gen_random_uuid(), "
                "'probationary', '2026-01-01', now() FROM books, generate_series(1, 1200)"
            )
        )
        await session.execute(
            text(
                "INSERT INTO log_pending (kind, subject) "
                "SELECT 'status', status_id FROM book_statuses"
            )
        )
    runtime = books.world.runtime
    taken = await asyncio.gather(*(keep_log(runtime) for _ in range(4)))
    assert sum(taken) == 1202
    leaves = await books.leaves()
    assert [leaf.position for leaf in leaves] == list(range(1202))
    hashes = [merkle.leaf_hash(leaf.data) for leaf in leaves]
    async with transaction(runtime.sessions) as session:
        for size in (1, 2, 499, 500, 501, 1000, 1024, 1201, 1202):
            assert await queries.root_at(session, size) == merkle.root_of(hashes[:size])
            proof = await queries.consistency(session, size, 1202)
            assert proof == merkle.consistency_proof(hashes, size)
    newest = (await books.checkpoints())[-1]
    assert newest.root == merkle.root_of(hashes[: newest.size])


async def test_what_is_not_in_the_book_waits_and_holds_nobody_up(books: Books) -> None:
    await books.confirmed()
    async with transaction(books.world.runtime.sessions) as session:
        await session.execute(
            text("INSERT INTO log_pending (kind, subject) VALUES ('entry', gen_random_uuid())")
        )
    await books.confirmed()
    assert await keep_log(books.world.runtime) == 2
    assert await keep_log(books.world.runtime) == 0


async def test_a_renewed_key_signs_and_the_old_one_stays_known(books: Books) -> None:
    runtime = books.world.runtime
    await books.confirmed()
    await keep_log(runtime)
    async with transaction(runtime.sessions) as session:
        before = await open_signer(session, runtime.origin, runtime.data_dir)
        await renew_key(session, runtime.data_dir)
        after = await open_signer(session, runtime.origin, runtime.data_dir)
    await books.confirmed()
    async with transaction(runtime.sessions) as session:
        await actions.make_checkpoint(session, after.name, after.sign)  # nothing was taken up yet
    with clock.frozen(clock.now() + CHECKPOINT_EVERY):
        await keep_log(runtime)
    old, new = await books.checkpoints()
    assert notes.is_signed_by(notes.read_note(old.note), before.key(SignatureKind.NOTE))
    assert notes.is_signed_by(notes.read_note(new.note), after.key(SignatureKind.NOTE))
    assert not notes.is_signed_by(notes.read_note(new.note), before.key(SignatureKind.NOTE))
    async with transaction(runtime.sessions) as session:
        known = await public_keys(session, runtime.origin, SignatureKind.NOTE)
    assert known == [before.key(SignatureKind.NOTE), after.key(SignatureKind.NOTE)]
