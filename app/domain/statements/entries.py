"""One entry, whole: its sides, what it stands on, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.checkpoints.queries import Inclusion, inclusion_of
from app.domain.ledger.people import SOMEBODYS
from app.domain.statements import errors
from app.domain.statements.corrections import Becoming, becomings
from app.domain.statements.queries import Sight, get_sight_for, names_of
from app.domain.witnesses.queries import lines_under
from app.errors import AppError, NotFoundError
from app.models.claims import Claim
from app.models.ledger import (
    Entry,
    EntryLink,
    EntryNote,
    LedgerAccount,
    LedgerAccountKind,
    LogKind,
    Posting,
    WorkStream,
)
from app.models.needs import Need


@dataclass(frozen=True)
class Side:
    """One posting of an entry: an account gains (positive) or gives (negative)."""

    account: LedgerAccountKind
    holder_id: UUID
    holder: str
    stream: WorkStream | None
    unit: str
    amount: int


@dataclass(frozen=True)
class EntryWhole:
    """All that a book knows about one entry.

    `note_erased` says that something was written about it and taken away since: its hash stays.
    """

    sight: Sight
    entry: Entry
    recorded_by: str
    sides: Sequence[Side]
    note: str
    note_erased: bool
    corrects: Entry | None
    corrected_by: Entry | None
    # From how much to how much, where this entry was corrected, or corrects another one.
    becoming: Becoming
    # Who corrected it, and why; empty where nobody did, or where the why stands on a claim.
    corrector: str
    correction_note: str
    stands_on: Sequence[Entry]
    carries: Sequence[Entry]
    need_id: UUID | None
    need_title: str
    # Its place in the newest signed state of the log; None until the log has taken it up.
    inclusion: Inclusion | None
    # That state as it was signed, by us and by witnesses; empty without one.
    checkpoint: str

    def sum_of(self, unit: str) -> int:
        """Add up all sides: zero, or the book is broken."""
        return sum(side.amount for side in self.sides if side.unit == unit)

    @property
    def sums(self) -> dict[str, int]:
        """The sum of all sides by unit."""
        return {unit: self.sum_of(unit) for unit in sorted({side.unit for side in self.sides})}


async def get_entry_for(session: AsyncSession, actor: Actor, entry_id: UUID) -> EntryWhole:
    """Return an entry to those who may read the book, or whose own minutes or money it moves."""
    account_id = actor.signed_in()
    found = await session.exec(select(Entry).where(Entry.entry_id == entry_id))
    entry = found.first()
    if entry is None:
        raise errors.entry_not_found()
    rows = await _postings(session, entry_id)
    concerned = account_id in {account.holder_id for account, _ in rows}
    try:
        sight = await get_sight_for(
            session, actor, entry.book_id, account_id if concerned else None
        )
    except AppError as error:
        if error.status == errors.entry_not_found().status:
            raise errors.entry_not_found() from None
        raise
    sides = await _sides(session, sight, rows)
    if not sight.whole:
        # Of others in the same entry one learns no more than that they are there.
        sides = [side for side in sides if _is_ones_own(side, account_id)]
    note = await session.get(EntryNote, entry_id)
    need = await _need(session, entry)
    correction = await _one(session, col(Entry.corrects) == entry_id)
    why = await session.get(EntryNote, correction.entry_id) if correction else None
    recorders = [entry.recorded_by, *([correction.recorded_by] if correction else [])]
    people = await names_of(session, sight, recorders)
    inclusion = await _inclusion(session, entry_id)
    return EntryWhole(
        sight=sight,
        entry=entry,
        recorded_by=people[entry.recorded_by],
        sides=sides,
        note=note.text if note else "",
        note_erased=entry.note_hash is not None and note is None,
        corrects=await _one(session, col(Entry.entry_id) == entry.corrects)
        if entry.corrects
        else None,
        corrected_by=correction,
        becoming=(await becomings(session, [entry_id])).get(entry_id, Becoming()),
        corrector=people[correction.recorded_by] if correction else "",
        correction_note=why.text if why else "",
        stands_on=await _linked(session, col(EntryLink.entry_id) == entry_id, towards=True),
        carries=await _linked(session, col(EntryLink.linked_entry_id) == entry_id, towards=False),
        need_id=need.id if need else None,
        need_title=need.title if need else "",
        inclusion=inclusion,
        checkpoint=await _signed(session, inclusion) if inclusion else "",
    )


async def _signed(session: AsyncSession, inclusion: Inclusion) -> str:
    note = inclusion.checkpoint.note
    return note + "".join(await lines_under(session, note.partition("\n")[0], inclusion.size))


async def _inclusion(session: AsyncSession, entry_id: UUID) -> Inclusion | None:
    try:
        return await inclusion_of(session, LogKind.ENTRY, entry_id)
    except NotFoundError:
        return None


def _is_ones_own(side: Side, account_id: UUID) -> bool:
    shared = {
        LedgerAccountKind.ORGANISATION,
        LedgerAccountKind.RESERVE,
        LedgerAccountKind.POOL,
        LedgerAccountKind.OUTSIDE,
    }
    return side.account in shared or side.holder_id == account_id


async def _postings(
    session: AsyncSession, entry_id: UUID
) -> Sequence[tuple[LedgerAccount, Posting]]:
    statement = (
        select(LedgerAccount, Posting)
        .where(Posting.entry_id == entry_id, Posting.account_id == LedgerAccount.id)
        .order_by(col(Posting.unit), col(Posting.amount).desc(), col(Posting.account_id))
    )
    return (await session.exec(statement)).all()


async def _sides(
    session: AsyncSession, sight: Sight, rows: Sequence[tuple[LedgerAccount, Posting]]
) -> list[Side]:
    holders = [account.holder_id for account, _ in rows if account.kind in SOMEBODYS]
    people = await names_of(session, sight, holders)
    return [
        Side(
            account.kind,
            account.holder_id,
            people.get(account.holder_id, ""),
            account.stream,
            posting.unit,
            posting.amount,
        )
        for account, posting in rows
    ]


async def _one(session: AsyncSession, condition: ColumnElement[bool]) -> Entry | None:
    return (await session.exec(select(Entry).where(condition))).first()


async def _linked(
    session: AsyncSession, condition: ColumnElement[bool], *, towards: bool
) -> Sequence[Entry]:
    other = EntryLink.linked_entry_id if towards else EntryLink.entry_id
    statement = (
        select(Entry)
        .join(EntryLink, col(Entry.entry_id) == col(other))
        .where(condition)
        .order_by(col(Entry.id))
    )
    return (await session.exec(statement)).all()


async def _need(session: AsyncSession, entry: Entry) -> Need | None:
    if entry.claim_id is None:
        return None
    statement = select(Need).where(Need.id == Claim.need_id, Claim.id == entry.claim_id)
    return (await session.exec(statement)).first()
