# ruff: noqa: S608 - statements are made of our own names
"""A database's superuser who rewrites a book, and a careful one who makes all hashes fit again.

Each way of tampering is done in SQL, in a transaction that is rolled back, at a place of the log.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.checkpoints.bodies import Body, bodies_of
from app.domain.checkpoints.rules import leaf_data
from app.domain.checkpoints.signing import LedgerSigner
from app.infra import clock, merkle, notes
from app.infra.canonical import canonical_hash
from app.models.ledger import LogKind

MADE_UP = UUID("5f0c7b1e-3d0f-4a53-9d0c-0f6f4f6b9a11")


async def run(session: AsyncSession, statement: str, **values: Any) -> Any:
    """Run a statement."""
    return await session.execute(text(statement), values)


async def entry_at(session: AsyncSession, place: int) -> UUID:
    """The entry of hours at a place of the log, or the next one after it."""
    statement = (
        "SELECT subject FROM log_leaves WHERE position >= :place AND EXISTS (SELECT FROM postings "
        "WHERE entry_id = subject AND unit = 'minute') ORDER BY position LIMIT 1"
    )
    found: UUID = (await run(session, statement, place=place)).scalar_one()
    return found


async def amount(session: AsyncSession, place: int) -> None:
    entry = await entry_at(session, place)
    await run(session, "UPDATE postings SET amount = amount * 2 WHERE entry_id = :e", e=entry)


async def money(session: AsyncSession, place: int) -> None:
    """A few cents of one member's part go to another one."""
    entry = (
        "SELECT entry_id FROM entries WHERE kind = 'opening' ORDER BY id "
        "OFFSET :p % (SELECT count(*) FROM entries WHERE kind = 'opening') LIMIT 1"
    )
    part = (
        f"UPDATE postings SET amount = amount + :cents WHERE (entry_id, account_id) = "
        f"(SELECT entry_id, account_id FROM postings WHERE entry_id = ({entry}) AND amount > 0 "
        "ORDER BY account_id OFFSET :which LIMIT 1)"
    )
    await run(session, part, cents=1 + place, which=0, p=place)
    await run(session, part, cents=-1 - place, which=1, p=place)


async def backdate(session: AsyncSession, place: int) -> None:
    entry = await entry_at(session, place)
    await run(
        session,
        "UPDATE entries SET worked_on = worked_on - 30, booked_on = booked_on - 30, "
        "recorded_at = recorded_at - interval '30 days' WHERE entry_id = :e",
        e=entry,
    )


async def delete(session: AsyncSession, place: int) -> None:
    entry = await entry_at(session, place)
    await run(session, "DELETE FROM postings WHERE entry_id = :e", e=entry)
    await run(session, "DELETE FROM entries WHERE entry_id = :e", e=entry)


async def reorder(session: AsyncSession, place: int) -> None:
    """Two neighbours change places, everything about them."""
    other = place + 1
    await run(session, "UPDATE log_leaves SET position = -1 WHERE position = :p", p=place)
    await run(session, "UPDATE log_leaves SET position = :p WHERE position = :o", p=place, o=other)
    await run(session, "UPDATE log_leaves SET position = :o WHERE position = -1", o=other)


async def truncate(session: AsyncSession, place: int) -> None:
    """Everything from a place on was never there."""
    gone = "SELECT subject FROM log_leaves WHERE position >= :p"
    await run(session, f"DELETE FROM postings WHERE entry_id IN ({gone})", p=place)
    await run(session, f"DELETE FROM entries WHERE entry_id IN ({gone})", p=place)
    await run(session, f"DELETE FROM book_statuses WHERE status_id IN ({gone})", p=place)
    await run(session, f"DELETE FROM policies WHERE id IN ({gone})", p=place)
    for table in ("votes", "electors", "outcomes"):
        await run(session, f"DELETE FROM decision_{table} WHERE decision_id IN ({gone})", p=place)
    await run(session, "DELETE FROM log_leaves WHERE position >= :p", p=place)


async def stream(session: AsyncSession, place: int) -> None:
    """Work in one stream becomes work in another one."""
    await run(
        session,
        "UPDATE postings SET account_id = other.id FROM ledger_accounts own "
        "JOIN ledger_accounts other ON other.book_id = own.book_id AND other.kind = own.kind "
        "AND other.holder_id = own.holder_id AND other.stream = CASE own.stream "
        "WHEN 'gift' THEN 'care' ELSE 'gift' END "
        "WHERE own.id = postings.account_id AND postings.entry_id = :e",
        e=await entry_at(session, place),
    )


async def worker(session: AsyncSession, place: int) -> None:
    """Somebody's hours become somebody else's."""
    await run(
        session,
        "UPDATE postings SET account_id = (SELECT other.id FROM ledger_accounts other "
        "WHERE other.book_id = own.book_id AND other.kind = 'worker' "
        "AND other.stream = own.stream AND other.holder_id <> own.holder_id "
        "ORDER BY other.id LIMIT 1) FROM ledger_accounts own "
        "WHERE own.id = postings.account_id AND own.kind = 'worker' AND postings.entry_id = :e",
        e=await entry_at(session, place),
    )


async def insert(session: AsyncSession, place: int) -> None:
    """An entry that nobody confirmed appears among old ones."""
    entry, made = await entry_at(session, place), uuid5(MADE_UP, str(place))
    await run(
        session,
        "INSERT INTO entries (entry_id, book_id, kind, worked_on, booked_on, recorded_by, "
        "recorded_at, posting_count) SELECT :m, book_id, kind, worked_on, booked_on, "
        "recorded_by, recorded_at, posting_count FROM entries WHERE entry_id = :e",
        m=made,
        e=entry,
    )
    await run(
        session,
        "INSERT INTO postings (entry_id, account_id, unit, amount) "
        "SELECT :m, account_id, unit, amount FROM postings WHERE entry_id = :e",
        m=made,
        e=entry,
    )
    await run(
        session, "UPDATE log_leaves SET position = -1 - position WHERE position > :p", p=place
    )
    await run(session, "UPDATE log_leaves SET position = -position WHERE position < 0")
    await run(
        session,
        "INSERT INTO log_leaves (position, kind, subject, book_id, data, taken_up_at) "
        "SELECT position + 1, 'entry', :m, book_id, data, taken_up_at FROM log_leaves "
        "WHERE position = :p",
        m=made,
        p=place,
    )


async def confirmer(session: AsyncSession, place: int) -> None:
    entry = await entry_at(session, place)
    await run(
        session, "UPDATE entries SET recorded_by = :m WHERE entry_id = :e", m=MADE_UP, e=entry
    )


async def status(session: AsyncSession, place: int) -> None:
    """Somebody was a worker-owner earlier than they were."""
    await run(
        session,
        "UPDATE book_statuses SET since = since - (1 + CAST(:p AS int)), status = 'worker_owner' "
        "WHERE id = (SELECT id FROM book_statuses ORDER BY id "
        "OFFSET CAST(:p AS int) % (SELECT count(*) FROM book_statuses) LIMIT 1)",
        p=place,
    )


async def policy(session: AsyncSession, place: int) -> None:
    """The rules were others than those that were adopted."""
    await run(
        session,
        "UPDATE policies SET document = jsonb_set(document, '{members_share}', "
        "to_jsonb(CAST(:share AS text))) WHERE version = 1 + CAST(:p AS int) % "
        "(SELECT count(*) FROM policies)",
        p=place,
        share=f"{place + 1}/100",
    )


async def holder(session: AsyncSession, place: int) -> None:
    """A worker's whole account is given to somebody."""
    entry = await entry_at(session, place)
    await run(
        session,
        "UPDATE ledger_accounts SET holder_id = :m WHERE kind = 'worker' AND id IN "
        "(SELECT account_id FROM postings WHERE entry_id = :e)",
        m=MADE_UP,
        e=entry,
    )


async def restore(session: AsyncSession, place: int) -> None:
    """An old copy is put back, and work goes on from there as if nothing had been lost."""
    kept = await entry_at(session, 0)
    await truncate(session, max(place, 3))
    for number in range(3):
        made = uuid5(MADE_UP, f"{place} {number}")
        await run(
            session,
            "INSERT INTO entries (entry_id, book_id, kind, worked_on, booked_on, recorded_by, "
            "recorded_at, posting_count) SELECT :m, book_id, kind, worked_on, booked_on, "
            "recorded_by, now(), posting_count FROM entries WHERE entry_id = :e",
            m=made,
            e=kept,
        )
        await run(
            session,
            "INSERT INTO postings (entry_id, account_id, unit, amount) "
            "SELECT :m, account_id, unit, amount FROM postings WHERE entry_id = :e",
            m=made,
            e=kept,
        )
        await run(
            session,
            "INSERT INTO log_leaves (position, kind, subject, book_id, data, taken_up_at) "
            "SELECT (SELECT max(position) + 1 FROM log_leaves), kind, :m, book_id, data, now() "
            "FROM log_leaves WHERE subject = :e",
            m=made,
            e=kept,
        )


async def fork(session: AsyncSession, place: int) -> None:
    """From a place on another history of the same length."""
    await run(
        session,
        "UPDATE postings SET amount = amount * 3 WHERE entry_id IN "
        "(SELECT subject FROM log_leaves WHERE position >= :p)",
        p=place,
    )
    await run(
        session,
        "UPDATE book_statuses SET since = since + 1 WHERE status_id IN "
        "(SELECT subject FROM log_leaves WHERE position >= :p)",
        p=place,
    )


DECISION = (
    "(SELECT decision_id FROM decision_outcomes ORDER BY decision_id "
    "OFFSET CAST(:p AS int) % (SELECT count(*) FROM decision_outcomes) LIMIT 1)"
)


async def vote(session: AsyncSession, place: int) -> None:
    """Who said yes said no, and the other way round: the count stays as it is."""
    await run(
        session,
        "UPDATE decision_votes SET choice = CASE choice WHEN 'yes' THEN 'no' ELSE 'yes' END "
        f"WHERE decision_id = {DECISION}",
        p=place,
    )


async def ballot(session: AsyncSession, place: int) -> None:
    """Some more said yes than were on the roll, and the count says so."""
    await run(
        session,
        "INSERT INTO decision_votes (decision_id, account_id, choice, voted_at) "
        "SELECT decision_id, :m, 'yes', voted_at FROM decision_votes "
        f"WHERE decision_id = {DECISION} LIMIT 1",
        m=uuid5(MADE_UP, str(place)),
        p=place,
    )
    await run(
        session,
        f"UPDATE decision_outcomes SET yes = yes + 1, passed = true WHERE decision_id = {DECISION}",
        p=place,
    )


async def recount(session: AsyncSession, place: int) -> None:
    """A decision says that it was passed, by votes that nobody cast."""
    await run(
        session,
        "UPDATE decision_outcomes SET yes = yes + 1 + CAST(:p AS int), no = 0, passed = true "
        f"WHERE decision_id = {DECISION}",
        p=place,
    )


async def allocation(session: AsyncSession, place: int) -> None:
    """Money was shared out that no period says anything of."""
    await run(
        session,
        "UPDATE entries SET kind = (ARRAY['allocation', 'surplus', 'loss'])[1 + :p % 3] "
        "WHERE entry_id = (SELECT entry_id FROM entries WHERE kind = 'opening' ORDER BY id "
        "OFFSET CAST(:p AS int) % (SELECT count(*) FROM entries WHERE kind = 'opening') LIMIT 1)",
        p=place,
    )


async def elector(session: AsyncSession, place: int) -> None:
    """Somebody who was no worker-owner was on the roll, and voted."""
    for table in ("electors", "votes"):
        await run(
            session,
            f"UPDATE decision_{table} SET account_id = :m WHERE decision_id = {DECISION} "
            f"AND account_id = (SELECT min(account_id::text)::uuid FROM decision_{table} "
            f"WHERE decision_id = {DECISION})",
            m=uuid5(MADE_UP, str(place)),
            p=place,
        )


# What the figures themselves give away, whoever vouches for the file.
FOUND_ALONE = {"ballot", "recount", "allocation", "elector"}
KINDS: Mapping[str, Callable[[AsyncSession, int], Awaitable[None]]] = {
    "amount": amount,
    "money": money,
    "backdate": backdate,
    "delete": delete,
    "reorder": reorder,
    "truncate": truncate,
    "stream": stream,
    "worker": worker,
    "insert": insert,
    "confirmer": confirmer,
    "status": status,
    "policy": policy,
    "holder": holder,
    "restore": restore,
    "fork": fork,
    "vote": vote,
    "ballot": ballot,
    "recount": recount,
    "allocation": allocation,
    "elector": elector,
}


async def fit_balances(session: AsyncSession) -> None:
    """Nobody careful leaves a balance that does not fit."""
    await run(session, "DELETE FROM balances")
    await run(
        session,
        "INSERT INTO balances (account_id, unit, amount) "
        "SELECT account_id, unit, sum(amount) FROM postings "
        "JOIN ledger_accounts ON id = account_id WHERE kind <> 'organisation' "
        "GROUP BY account_id, unit",
    )


async def fit_hashes(session: AsyncSession, signer: LedgerSigner, sizes: list[int]) -> None:
    """Make leaves, tree and checkpoints fit what is in the book now, signed by the real key."""
    for policy_id, document in (await run(session, "SELECT id, document FROM policies")).all():
        update = "UPDATE policies SET document_hash = :h WHERE id = :i"
        await run(session, update, h=canonical_hash(document), i=policy_id)
    rows = (
        await run(session, "SELECT kind, subject, taken_up_at FROM log_leaves ORDER BY position")
    ).all()
    bodies: dict[UUID, Body] = {}
    for kind in LogKind:
        subjects = [subject for name, subject, _ in rows if name == kind]
        bodies |= await bodies_of(session, kind, subjects)
    leaves = [
        {
            "p": position,
            "k": kind,
            "s": subject,
            "b": bodies[subject].book_id,
            "d": leaf_data(bodies[subject].book_id, position, bodies[subject].canonical()),
            "t": taken_up_at,
        }
        for position, (kind, subject, taken_up_at) in enumerate(
            row for row in rows if row.subject in bodies
        )
    ]
    await run(session, "DELETE FROM log_leaves")
    await run(session, "DELETE FROM log_nodes")
    await run(session, "DELETE FROM checkpoints")
    if not leaves:
        return
    await session.execute(
        text(
            "INSERT INTO log_leaves (position, kind, subject, book_id, data, taken_up_at) "
            "VALUES (:p, :k, :s, :b, :d, :t)"
        ),
        leaves,
    )
    hashes = [merkle.leaf_hash(leaf["d"]) for leaf in leaves]
    nodes = [{"l": n.level, "i": n.index, "h": h} for n, h in merkle.grown(0, {}, hashes)]
    if nodes:
        tree = text("INSERT INTO log_nodes (level, index, hash) VALUES (:l, :i, :h)")
        await session.execute(tree, nodes)
    for size in sorted({min(size, len(hashes)) for size in sizes} - {0}):
        root = merkle.root_of(hashes[:size])
        body_text = notes.Checkpoint(signer.name, size, root).written()
        note = notes.Note(body_text, (signer.sign(body_text),)).written()
        await run(
            session,
            "INSERT INTO checkpoints (size, root, note, made_at) VALUES (:s, :r, :n, :t)",
            s=size, r=root, n=note, t=clock.now(),
        )  # fmt: skip
