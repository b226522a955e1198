"""What the log says of a thing: its canonical body, made from the tables again and again.

The log keeps a hash of this body only. So a body is never changed: whoever needs another shape
gives it a new `version` and keeps the old one for what is in the log already. Bodies hold ids and
figures; what a person wrote stands in them as a salted hash, so that it can be erased.
docs/ledger-export.md describes each one for people who write a verifier of their own.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra.canonical import canonical_json
from app.models.ledger import BookStatus, Entry, EntryLink, LedgerAccount, LogKind, Posting

Json = dict[str, Any]


@dataclass(frozen=True)
class Body:
    """A body and the book that it belongs to; None for what concerns the whole instance."""

    book_id: UUID | None
    document: Json

    def canonical(self) -> bytes:
        """The bytes whose hash is in the log (RFC 8785)."""
        return canonical_json(self.document)


Loader = Callable[[AsyncSession, Sequence[UUID]], Awaitable[Mapping[UUID, Body]]]


async def bodies_of(
    session: AsyncSession, kind: LogKind, subjects: Sequence[UUID]
) -> Mapping[UUID, Body]:
    """Make the bodies of things of one kind; what is not there has none."""
    return await LOADERS[kind](session, subjects) if subjects else {}


async def _entries(session: AsyncSession, subjects: Sequence[UUID]) -> Mapping[UUID, Body]:
    statement = select(Entry).where(col(Entry.entry_id).in_(subjects))
    postings = await _postings(session, subjects)
    links = await _links(session, subjects)
    return {
        row.entry_id: Body(
            row.book_id, entry_body(row, postings[row.entry_id], links[row.entry_id])
        )
        for row in (await session.exec(statement)).all()
    }


def entry_body(entry: Entry, postings: Sequence[Json], links: Sequence[UUID]) -> Json:
    """The body of an entry with its postings, each with whose account it is."""
    return {
        "type": "entry",
        "version": 1,
        "id": str(entry.entry_id),
        "book": str(entry.book_id),
        "kind": entry.kind.value,
        "worked_on": entry.worked_on.isoformat(),
        "booked_on": entry.booked_on.isoformat(),
        "claim": _id(entry.claim_id),
        "corrects": _id(entry.corrects),
        "panel": _id(entry.panel_id),
        "receipt": _id(entry.receipt_id),
        "decision": _id(entry.decision_id),
        "period": _id(entry.period_id),
        "dispute": _id(entry.dispute_id),
        "batch": _id(entry.batch_id),
        "note_hash": entry.note_hash.hex() if entry.note_hash else None,
        "recorded_by": str(entry.recorded_by),
        "recorded_at": moment_text(entry.recorded_at),
        "posting_count": entry.posting_count,
        "postings": list(postings),
        "links": sorted(str(link) for link in links),
    }


async def _postings(session: AsyncSession, subjects: Sequence[UUID]) -> Mapping[UUID, list[Json]]:
    statement = (
        select(Posting, LedgerAccount)
        .where(Posting.account_id == LedgerAccount.id, col(Posting.entry_id).in_(subjects))
        .order_by(col(Posting.account_id), col(Posting.unit))
    )
    found: dict[UUID, list[Json]] = defaultdict(list)
    for posting, account in (await session.exec(statement)).all():
        found[posting.entry_id].append(
            {
                "account": str(account.id),
                "book": str(account.book_id),
                "kind": account.kind.value,
                "holder": str(account.holder_id),
                "stream": account.stream.value if account.stream else None,
                "unit": posting.unit,
                "amount": posting.amount,
            }
        )
    return found


async def _links(session: AsyncSession, subjects: Sequence[UUID]) -> Mapping[UUID, list[UUID]]:
    statement = select(EntryLink).where(col(EntryLink.entry_id).in_(subjects))
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for link in (await session.exec(statement)).all():
        found[link.entry_id].append(link.linked_entry_id)
    return found


async def _statuses(session: AsyncSession, subjects: Sequence[UUID]) -> Mapping[UUID, Body]:
    statement = select(BookStatus).where(col(BookStatus.status_id).in_(subjects))
    return {
        row.status_id: Body(row.book_id, _status_body(row))
        for row in (await session.exec(statement)).all()
    }


def _status_body(row: BookStatus) -> Json:
    return {
        "type": "status",
        "version": 1,
        "id": str(row.status_id),
        "book": str(row.book_id),
        "account": str(row.account_id),
        "status": row.status.value,
        "since": row.since.isoformat(),
        "decision": _id(row.decision_id),
        "recorded_by": _id(row.recorded_by),
        "recorded_at": moment_text(row.recorded_at),
    }


def moment_text(moment: datetime) -> str:
    """A moment in UTC to the microsecond, always in the same spelling."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _id(value: UUID | None) -> str | None:
    return str(value) if value else None


LOADERS: Mapping[LogKind, Loader] = {LogKind.ENTRY: _entries, LogKind.STATUS: _statuses}
