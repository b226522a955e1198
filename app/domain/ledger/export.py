"""A whole book as one file that can be checked offline (docs/ledger-export.md, app/verifier.py).

Written in pieces, from one snapshot of the database: what is written while others work is the
book of one moment.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from tempfile import SpooledTemporaryFile
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.checkpoints import queries as log
from app.domain.checkpoints.bodies import bodies_of, moment_text
from app.domain.checkpoints.rules import origin_of
from app.domain.checkpoints.signing import public_keys
from app.domain.witnesses.queries import cosigned_states
from app.infra import clock, notes
from app.infra.database import transaction
from app.infra.notes import SignatureKind
from app.infra.strict_json import parse_json
from app.models.checkpoints import Checkpoint, LogLeaf
from app.models.governance import Decision, DecisionOutcome
from app.models.ledger import Balance, Book, BookStatus, Entry, LedgerAccount, LogKind
from app.models.periods import Period, PeriodLine, PeriodLock, PeriodState
from app.models.policies import AdoptedPolicy
from app.models.receipts import Receipt
from app.models.witnesses import Cosignature

FORMAT = "tornallom-ledger-1"
BATCH = 500
# A multiple of three, so that the pieces make one text in base64.
LEAVES_A_READ = 30_000
CHECKPOINTS_MAX = 200
IN_MEMORY_BYTES = 4 << 20
CHUNK_BYTES = 64 << 10
FIGURES = (
    "given", "counted", "carried_in", "carried_out", "effective", "eligible", "reason", "weighted",
    "share", "amount", "capital_before", "capital_after",
)  # fmt: skip
Json = dict[str, Any]


async def take_snapshot(session: AsyncSession) -> None:
    """Let all that this transaction reads be of one moment; before it reads anything."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


async def find_book(session: AsyncSession, organisation_id: UUID) -> Book | None:
    """Return an organisation's book, without opening one."""
    statement = select(Book).where(Book.organisation_id == organisation_id)
    return (await session.exec(statement)).first()


async def export_book(session: AsyncSession, book_id: UUID, origin: str) -> AsyncIterator[str]:
    """Write the book piece by piece. `origin` is the instance's address."""
    book = await session.get_one(Book, book_id)
    size = await log.log_size(session)
    yield f'{{"format":{_json(FORMAT)},"made_at":{_json(moment_text(clock.now()))},'
    name = await _log_name(session, origin)
    yield f'"instance":{_json(_address(origin, name))},"book":{_json(_book(book))},"log":{{'
    yield f'"origin":{_json(name)},"size":{size},"keys":'
    keys = await public_keys(session, _address(origin, name), SignatureKind.NOTE)
    yield _json([key.written() for key in keys])
    yield f',"checkpoints":{_json(await _checkpoints(session))},"leaves":"'
    async for piece in _leaves(session, size):
        yield piece
    yield '"},"records":['
    between = ""
    async for record in _records(session, book_id):
        yield f"{between}\n{_json(record)}"
        between = ","
    yield f'],"balances":{_json(await _balances(session, book_id))}'
    yield f',"statements":{_json(await _statements(session, book_id))}'
    yield f',"receipts":{_json(await _receipts(session, book_id))}}}\n'


def file_name(day: date) -> str:
    """How a book is called on a member's disk; it tells nobody whose it is."""
    return f"book-{day.isoformat()}.json"


async def sent_book(
    sessions: async_sessionmaker[AsyncSession], book_id: UUID, origin: str
) -> AsyncIterator[bytes]:
    """Send a book to whoever was let in, in a transaction of its own.

    It is whole before the first byte leaves, on disk beyond a few megabytes: a slow reader keeps
    no snapshot of the database open.
    """
    with SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as spool:
        async with transaction(sessions) as session:
            await take_snapshot(session)
            async for piece in export_book(session, book_id, origin):
                spool.write(piece.encode())
        spool.seek(0)
        while chunk := spool.read(CHUNK_BYTES):
            yield chunk


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _book(book: Book) -> Json:
    since = book.ownership_since
    return {
        "id": str(book.id),
        "organisation": str(book.organisation_id),
        "currency": book.currency,
        "ownership_since": moment_text(since) if since else None,
    }


def _address(origin: str, name: str) -> str:
    """The address under which the log is signed.

    A command may not know the port that `serve` was told, and a key under another name than the
    signatures looks like a forgery.
    """
    return f"{origin.partition('://')[0]}://{name.partition('/')[0]}"


async def _log_name(session: AsyncSession, origin: str) -> str:
    """The name of the log: that under which its newest state was signed."""
    newest = await log.newest_checkpoint(session)
    return newest.note.partition("\n")[0] if newest else origin_of(origin)


async def _checkpoints(session: AsyncSession) -> list[str]:
    """The newest signed states, and every one that a witness signed, with what it signed.

    What a witness signed is written also where our own checkpoint of it is gone or says
    something else: it is the one thing that nobody here can make anew.
    """
    size = col(Checkpoint.size)
    newest = select(Checkpoint.size).order_by(size.desc()).limit(CHECKPOINTS_MAX)
    wanted = size.in_(newest) | size.in_(select(Cosignature.size))
    rows = await session.exec(select(Checkpoint).where(wanted).order_by(size))
    signed = await cosigned_states(session)
    found = [row.note + "".join(signed.pop(notes.read_note(row.note).text, ())) for row in rows]
    return found + [f"{state}\n{''.join(lines)}" for state, lines in signed.items()]


async def _leaves(session: AsyncSession, size: int) -> AsyncIterator[str]:
    for start in range(0, size, LEAVES_A_READ):
        statement = (
            select(LogLeaf.data)
            .where(col(LogLeaf.position) >= start, col(LogLeaf.position) < start + LEAVES_A_READ)
            .order_by(col(LogLeaf.position))
        )
        part = b"".join((await session.exec(statement)).all())
        yield base64.b64encode(part).decode()


async def _records(session: AsyncSession, book_id: UUID) -> AsyncIterator[Json]:
    """What the log took up of this book and of the whole instance, then what waits for it."""
    mine = (col(LogLeaf.book_id) == book_id) | col(LogLeaf.book_id).is_(None)
    statement = select(LogLeaf.position, LogLeaf.kind, LogLeaf.subject).where(mine)
    logged = (await session.exec(statement.order_by(col(LogLeaf.position)))).all()
    placed: dict[tuple[str, UUID], int] = {(kind, subject): at for at, kind, subject in logged}
    for start in range(0, len(logged), BATCH):
        part = logged[start : start + BATCH]
        found = await _documents(session, [(kind, subject) for _, kind, subject in part])
        for position, kind, subject in part:
            if (kind, subject) in found:
                yield {"position": position, "body": found[kind, subject]}
    for kind, ids in SUBJECTS.items():
        known = (await session.exec(ids(book_id))).all()
        waiting = [(kind.value, each) for each in known if (kind.value, each) not in placed]
        for start in range(0, len(waiting), BATCH):
            found = await _documents(session, waiting[start : start + BATCH])
            for body in found.values():
                yield {"position": None, "body": body}


async def _documents(
    session: AsyncSession, wanted: Sequence[tuple[str, UUID]]
) -> Mapping[tuple[str, UUID], Json]:
    found: dict[tuple[str, UUID], Json] = {}
    for kind in {name for name, _ in wanted}:
        subjects = [subject for name, subject in wanted if name == kind]
        made = await bodies_of(session, LogKind(kind), subjects)
        found |= {
            (kind, subject): made[subject].document for subject in subjects if subject in made
        }
    return found


def _entry_ids(book_id: UUID) -> SelectOfScalar[UUID]:
    return select(Entry.entry_id).where(Entry.book_id == book_id).order_by(col(Entry.id))


def _status_ids(book_id: UUID) -> SelectOfScalar[UUID]:
    ids = select(BookStatus.status_id).where(BookStatus.book_id == book_id)
    return ids.order_by(col(BookStatus.id))


def _policy_ids(book_id: UUID) -> SelectOfScalar[UUID]:
    ids = select(AdoptedPolicy.id).where(AdoptedPolicy.book_id == book_id)
    return ids.order_by(col(AdoptedPolicy.version))


def _decision_ids(book_id: UUID) -> SelectOfScalar[UUID]:
    outcome = col(DecisionOutcome.decision_id) == col(Decision.id)
    ids = select(Decision.id).join(DecisionOutcome, outcome).where(Decision.book_id == book_id)
    return ids.order_by(col(DecisionOutcome.closed_at), col(Decision.id))


def _lock_ids(book_id: UUID) -> SelectOfScalar[UUID]:
    ids = select(PeriodLock.period_id).where(PeriodLock.book_id == book_id)
    return ids.order_by(col(PeriodLock.number))


# What a book has of each kind, whether the log knows it or not.
SUBJECTS = {
    LogKind.ENTRY: _entry_ids,
    LogKind.STATUS: _status_ids,
    LogKind.POLICY: _policy_ids,
    LogKind.DECISION: _decision_ids,
    LogKind.LOCK: _lock_ids,
}


async def _balances(session: AsyncSession, book_id: UUID) -> list[Json]:
    statement = (
        select(Balance, LedgerAccount)
        .where(Balance.account_id == LedgerAccount.id, LedgerAccount.book_id == book_id)
        .order_by(col(LedgerAccount.kind), col(LedgerAccount.holder_id), col(Balance.unit))
    )
    return [
        {
            "account": str(account.id),
            "kind": account.kind.value,
            "holder": str(account.holder_id),
            "stream": account.stream.value if account.stream else None,
            "unit": balance.unit,
            "amount": balance.amount,
        }
        for balance, account in (await session.exec(statement)).all()
    ]


async def _statements(session: AsyncSession, book_id: UUID) -> Json:
    """What each locked period means for each worker, as pages show it."""
    statement = (
        select(PeriodLine)
        .join(Period, col(Period.id) == col(PeriodLine.period_id))
        .where(Period.book_id == book_id, Period.state == PeriodState.LOCKED)
        .order_by(col(PeriodLine.period_id), col(PeriodLine.account_id))
    )
    found: dict[str, Json] = {}
    for row in (await session.exec(statement)).all():
        line = {"account_id": str(row.account_id)} | {each: getattr(row, each) for each in FIGURES}
        found.setdefault(str(row.period_id), {"lines": []})["lines"].append(line)
    return found


async def _receipts(session: AsyncSession, book_id: UUID) -> Json:
    statement = (
        select(Receipt)
        .join(Entry, col(Entry.receipt_id) == col(Receipt.id))
        .where(Entry.book_id == book_id)
    )
    return {
        str(row.id): {
            "document": parse_json(row.document),
            "key": base64.b64encode(row.public_key).decode(),
        }
        for row in (await session.exec(statement)).all()
    }
