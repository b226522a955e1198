"""How an entry enters a book. Entries are only ever added; the database refuses everything else.

Whatever credits, takes back, waits or pays does it through `post_entry`.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Text,
    Uuid,
    bindparam,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.ledger.gifts import changed_by
from app.domain.ledger.rules import PostingLine, Side, is_balanced
from app.infra import clock, ids
from app.models.ledger import (
    MINUTE,
    Balance,
    Book,
    Entry,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    WorkStream,
)


@dataclass(frozen=True)
class NewEntry:
    """An entry to post: why, when the work was done, who answers for it, and what it stands on.

    `booked_on` is the day on which it counts: unless said otherwise that of the work, or the first
    day after the closed periods that it lies in. An entry that may be posted again after a fault
    brings its own id and moment.
    """

    kind: EntryKind
    worked_on: date
    recorded_by: UUID
    claim_id: UUID | None = None
    corrects: UUID | None = None
    panel_id: UUID | None = None
    receipt_id: UUID | None = None
    decision_id: UUID | None = None
    period_id: UUID | None = None
    dispute_id: UUID | None = None
    batch_id: UUID | None = None
    booked_on: date | None = None
    entry_id: UUID | None = None
    recorded_at: datetime | None = None
    # What somebody wrote about it: kept beside the entry, which has its hash alone.
    note: str = ""
    # Entries that this one stands on and leaves as they are.
    links: Sequence[UUID] = ()


# Fields of a new entry that are written as they are.
TAKEN_AS_SAID = (
    "worked_on", "claim_id", "corrects", "panel_id", "receipt_id", "decision_id", "period_id",
    "dispute_id", "batch_id", "recorded_by",
)  # fmt: skip
SALT_BYTES = 16
# An account that somebody else opens at the same moment is seen by the next look.
APPEND_TRIES = 5
# The entry, its lines, the balances, its place in the queue of the log: one call of a function that
# is planned once a connection (migration 0028).
APPEND = text(
    "SELECT * FROM append_entry("
    ":book_id, :entry_id, :kind, :worked_on, :booked_on, :claim_id, :corrects, :panel_id, "
    ":receipt_id, :decision_id, :period_id, :dispute_id, :batch_id, :note_hash, :recorded_by, "
    ":recorded_at, :posting_count, :note, :salt, :fresh, :accounts, :kinds, :holders, "
    ":streams, :units, :amounts, :links)"
).bindparams(
    *(bindparam(name, type_=kind) for name, kind in (
        ("book_id", Uuid()), ("entry_id", Uuid()), ("kind", Text()), ("worked_on", Date()),
        ("booked_on", Date()), ("claim_id", Uuid()), ("corrects", Uuid()), ("panel_id", Uuid()),
        ("receipt_id", Uuid()), ("decision_id", Uuid()), ("period_id", Uuid()),
        ("dispute_id", Uuid()), ("batch_id", Uuid()), ("note_hash", LargeBinary()),
        ("recorded_by", Uuid()), ("recorded_at", DateTime(timezone=True)),
        ("posting_count", Integer()), ("note", Text()), ("salt", LargeBinary()),
        ("fresh", ARRAY(Uuid())), ("accounts", ARRAY(Uuid())), ("kinds", ARRAY(Text())),
        ("holders", ARRAY(Uuid())), ("streams", ARRAY(Text())), ("units", ARRAY(Text())),
        ("amounts", ARRAY(BigInteger())), ("links", ARRAY(Uuid())),
    ))
)  # fmt: skip


async def post_entry(
    session: AsyncSession,
    actor: Actor,
    book_id: UUID,
    new: NewEntry,
    lines: Sequence[PostingLine | Side],
) -> Entry:
    """Add a balanced entry and move the balances with it, in one call.

    A line names an account, or (`Side`) whose it is: then it is opened where there is none yet.
    Balances are taken in the order of their accounts, so that entries over the same accounts
    never wait for each other in a circle.
    """
    if not is_balanced(lines):
        message = "an entry's postings must be two or more and sum to zero"
        raise ValueError(message)
    values = entry_values(book_id, new, len(lines)) | line_values(lines)
    statement = select(Entry).from_statement(APPEND)
    for _ in range(APPEND_TRIES):
        entry: Entry | None = (await session.execute(statement, values)).scalar_one_or_none()
        if entry is not None:
            record(session, actor, "entry.posted", entry.entry_id)
            await _follow_gift(session, actor, entry)
            return entry
    message = "an account was opened by somebody else and is still not to be seen"
    raise RuntimeError(message)


async def _follow_gift(session: AsyncSession, actor: Actor, cause: Entry) -> None:
    """Let what was recognised of a gift follow what took it back, put it into suspense or ruled.

    So the standing on somebody's account is always what of their recognised gifts stands.
    """
    if cause.corrects is None and cause.dispute_id is None:
        return
    found = await changed_by(session, cause)
    if found is None:
        return
    new = NewEntry(
        EntryKind.CONVERSION,
        found.worked_on,
        cause.recorded_by,
        decision_id=found.decision_id,
        batch_id=found.batch_id,
        links=(found.gift, cause.entry_id),
    )
    lines = [
        PostingLine(found.account_id, MINUTE, found.change),
        PostingLine(found.other_account, MINUTE, -found.change),
    ]
    await post_entry(session, actor, cause.book_id, new, lines)


def entry_values(book_id: UUID, new: NewEntry, postings: int) -> dict[str, Any]:
    """Return what `APPEND` is told of an entry beside its lines."""
    salt = secrets.token_bytes(SALT_BYTES)
    noted = new.note.encode()
    return {
        **{name: getattr(new, name) for name in TAKEN_AS_SAID},
        "book_id": book_id,
        "kind": new.kind.value,
        "entry_id": new.entry_id or ids.private_id(),
        "booked_on": new.booked_on,  # the database says it where nobody does (migration 0030)
        "recorded_at": new.recorded_at or clock.now(),
        "posting_count": postings,
        "note": new.note,
        "salt": salt,
        "note_hash": hashlib.sha256(salt + noted).digest() if noted else None,
        "links": list(new.links),
    }


def line_values(lines: Sequence[PostingLine | Side]) -> dict[str, Any]:
    """Turn lines into one list a column; each may have to open its account."""
    sides = [line if isinstance(line, Side) else None for line in lines]
    return {
        "fresh": [ids.private_id() for _ in lines],
        "accounts": [line.account_id if isinstance(line, PostingLine) else None for line in lines],
        "kinds": [side.kind.value if side else None for side in sides],
        "holders": [side.holder_id if side else None for side in sides],
        "streams": [side.stream.value if side and side.stream else None for side in sides],
        "units": [line.unit for line in lines],
        "amounts": [line.amount for line in lines],
    }


async def hold(session: AsyncSession, book_id: UUID, sides: Sequence[Side]) -> None:
    """Open the accounts of many entries and take their balances, in order, before the first.

    Whoever posts several entries in one transaction would otherwise hold some balances while
    waiting for others.
    """
    keys = {(side.kind, side.holder_id, side.stream): side.unit for side in sides}
    accounts = [
        (await account_of(session, book_id, kind, holder, stream), unit)
        for (kind, holder, stream), unit in keys.items()
        if kind != LedgerAccountKind.ORGANISATION  # has no balance
    ]
    for account_id, unit in sorted(accounts):
        taken = insert(Balance).values(account_id=account_id, unit=unit, amount=0)
        await session.execute(
            taken.on_conflict_do_update(
                index_elements=["account_id", "unit"], set_={"amount": col(Balance.amount)}
            )
        )


async def book_of(session: AsyncSession, organisation_id: UUID) -> UUID:
    """Return the organisation's book, opening it with its first entry."""
    known = select(Book.id).where(Book.organisation_id == organisation_id)
    found = (await session.exec(known)).first()
    if found is not None:
        return found
    await session.execute(
        insert(Book)
        .values(id=ids.private_id(), organisation_id=organisation_id, created_at=clock.now())
        .on_conflict_do_nothing()
    )
    return (await session.exec(known)).one()


async def account_of(
    session: AsyncSession,
    book_id: UUID,
    kind: LedgerAccountKind,
    holder_id: UUID,
    stream: WorkStream | None = None,
) -> UUID:
    """Return an account of a book, opening it when it is first used; money has no stream."""
    values = {"book_id": book_id, "kind": kind, "holder_id": holder_id, "stream": stream}
    known = select(LedgerAccount.id).filter_by(**values)
    found = (await session.exec(known)).first()
    if found is not None:
        return found
    await session.execute(
        insert(LedgerAccount).values(id=ids.private_id(), **values).on_conflict_do_nothing()
    )
    return (await session.exec(known)).one()
