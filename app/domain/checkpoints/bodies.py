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

from sqlalchemy import select as core_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra.canonical import canonical_json
from app.infra.strict_json import parse_json
from app.models.governance import Decision, DecisionElector, DecisionOutcome, DecisionVote
from app.models.ledger import BookStatus, Entry, EntryLink, LedgerAccount, LogKind, Posting
from app.models.periods import PeriodLock
from app.models.policies import AdoptedPolicy
from app.models.witnesses import PublicFork

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
    # Plain rows: this is read for every entry of a book, and twice as fast as objects.
    columns: list[Any] = [
        col(Posting.entry_id), col(LedgerAccount.id), col(LedgerAccount.book_id),
        col(LedgerAccount.kind), col(LedgerAccount.holder_id), col(LedgerAccount.stream),
        col(Posting.unit), col(Posting.amount),
    ]  # fmt: skip
    statement = (
        core_select(*columns)
        .join(LedgerAccount, col(Posting.account_id) == col(LedgerAccount.id))
        .where(col(Posting.entry_id).in_(subjects))
        .order_by(col(Posting.account_id), col(Posting.unit))
    )
    found: dict[UUID, list[Json]] = defaultdict(list)
    for entry, account, book, kind, holder, stream, unit, amount in await session.execute(
        statement
    ):
        found[entry].append(
            {
                "account": str(account),
                "book": str(book),
                "kind": kind.value,
                "holder": str(holder),
                "stream": stream.value if stream else None,
                "unit": unit,
                "amount": amount,
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


async def _policies(session: AsyncSession, subjects: Sequence[UUID]) -> Mapping[UUID, Body]:
    statement = select(AdoptedPolicy).where(col(AdoptedPolicy.id).in_(subjects))
    return {
        row.id: Body(row.book_id, _policy_body(row))
        for row in (await session.exec(statement)).all()
    }


def _policy_body(row: AdoptedPolicy) -> Json:
    return {
        "type": "policy",
        "version": 1,
        "id": str(row.id),
        "book": str(row.book_id),
        "number": row.version,
        "valid_from": row.valid_from.isoformat(),
        "document": row.document,
        "document_hash": row.document_hash.hex(),
        "decision": _id(row.decision_id),
        "adopted_by": _id(row.adopted_by),
        "adopted_at": moment_text(row.adopted_at),
    }


async def _decisions(session: AsyncSession, subjects: Sequence[UUID]) -> Mapping[UUID, Body]:
    """A decision enters the log when it is closed: the roll and each named vote with it."""
    statement = (
        select(Decision, DecisionOutcome)
        .join(DecisionOutcome, col(DecisionOutcome.decision_id) == col(Decision.id))
        .where(col(Decision.id).in_(subjects))
    )
    roll: dict[UUID, list[str]] = defaultdict(list)
    of_roll = select(DecisionElector).where(col(DecisionElector.decision_id).in_(subjects))
    for elector in (await session.exec(of_roll)).all():
        roll[elector.decision_id].append(str(elector.account_id))
    votes: dict[UUID, list[Json]] = defaultdict(list)
    of_votes = select(DecisionVote).where(col(DecisionVote.decision_id).in_(subjects))
    for vote in (await session.exec(of_votes)).all():
        votes[vote.decision_id].append(
            {
                "account": str(vote.account_id),
                "choice": vote.choice.value,
                "voted_at": moment_text(vote.voted_at),
            }
        )
    return {
        row.id: Body(
            row.book_id,
            _decision_body(row, outcome)
            | {
                "roll": sorted(roll[row.id]),
                "votes": sorted(votes[row.id], key=lambda vote: str(vote["account"])),
            },
        )
        for row, outcome in (await session.exec(statement)).all()
    }


def _decision_body(row: Decision, outcome: DecisionOutcome) -> Json:
    return {
        "type": "decision",
        "version": 1,
        "id": str(row.id),
        "book": str(row.book_id),
        "subject": row.subject.value,
        "about": str(row.subject_id),
        "terms": row.terms,
        "note_hash": row.note_hash.hex() if row.note_hash else None,
        "rule": {
            "base": row.base.value,
            "threshold": f"{row.numerator}/{row.denominator}",
            "more_than": row.more_than,
            "quorum": f"{row.quorum_numerator}/{row.quorum_denominator}",
        },
        "opened_by": str(row.opened_by),
        "opened_at": moment_text(row.opened_at),
        "ends_at": moment_text(row.ends_at),
        "outcome": {
            "passed": outcome.passed,
            "yes": outcome.yes,
            "no": outcome.no,
            "abstain": outcome.abstain,
            "refused": outcome.refused,
            "closed_at": moment_text(outcome.closed_at),
        },
    }


async def _locks(session: AsyncSession, subjects: Sequence[UUID]) -> Mapping[UUID, Body]:
    """A lock is stored as its canonical bytes: they are its body."""
    statement = select(PeriodLock).where(col(PeriodLock.period_id).in_(subjects))
    return {
        row.period_id: Body(row.book_id, parse_json(row.document))
        for row in (await session.exec(statement)).all()
    }


async def _forks(session: AsyncSession, subjects: Sequence[UUID]) -> Mapping[UUID, Body]:
    """Public forks: each says from which tree the log goes on, and what it gives up."""
    statement = select(PublicFork).where(col(PublicFork.id).in_(subjects))
    return {row.id: Body(None, _fork_body(row)) for row in (await session.exec(statement)).all()}


def _fork_body(row: PublicFork) -> Json:
    return {
        "type": "fork",
        "version": 1,
        "id": str(row.id),
        "number": row.number,
        "continues": row.continues,
        "origin": row.origin,
        "common": {"size": row.common_size, "root": row.common_root.hex()},
        "abandoned": {"size": row.abandoned_size, "root": row.abandoned_root.hex()},
        "declared_by": str(row.declared_by),
        "declared_at": moment_text(row.declared_at),
        "reason_hash": row.reason_hash.hex(),
    }


def moment_text(moment: datetime) -> str:
    """A moment in UTC to the microsecond, always in the same spelling."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _id(value: UUID | None) -> str | None:
    return str(value) if value else None


LOADERS: Mapping[LogKind, Loader] = {
    LogKind.ENTRY: _entries,
    LogKind.STATUS: _statuses,
    LogKind.POLICY: _policies,
    LogKind.DECISION: _decisions,
    LogKind.LOCK: _locks,
    LogKind.FORK: _forks,
}
