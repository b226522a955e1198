"""Reading decisions and who is who in a co-operative."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied, Scope, enforce
from app.domain.governance.policy import Place, may_lead, may_see, may_see_decision
from app.domain.governance.rules import Tally, tally_of
from app.domain.ledger import statuses
from app.domain.ledger.people import known_as, names_in
from app.domain.organisations.queries import membership
from app.domain.policies.document import Policy, VoteRule
from app.domain.policies.queries import policy_on, read_policy
from app.errors import ConflictError, InvalidError, NotFoundError
from app.infra import clock
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.governance import (
    Decision,
    DecisionElector,
    DecisionNote,
    DecisionOutcome,
    DecisionSubject,
    DecisionVote,
    VoteChoice,
)
from app.models.identity import Account
from app.models.ledger import Book, BookStatus, BookStatusKind
from app.models.organisations import Membership

BOOK_NOT_FOUND = "book_not_found"


async def get_place(session: AsyncSession, actor: Actor, book_id: UUID) -> Place:
    """Return where the asker stands in a co-operative; to strangers there is none."""
    account_id = actor.require(Scope.LEDGER_READ)
    book = await session.get(Book, book_id)
    if book is None:
        raise NotFoundError(BOOK_NOT_FOUND)
    place = await place_of(session, book, account_id)
    if isinstance(may_see(place), Denied):
        raise NotFoundError(BOOK_NOT_FOUND)
    if book.ownership_since is None:
        raise ConflictError("ownership_needed")
    return place


async def place_of(session: AsyncSession, book: Book, account_id: UUID) -> Place:
    """Return where somebody stands in a co-operative, whoever asks."""
    own = await membership(session, book.organisation_id, account_id)
    status = await statuses.status_at(session, book.id, account_id, clock.today())
    return Place(book, account_id, own, status)


async def lock_book(session: AsyncSession, book_id: UUID) -> Book:
    """Return a book in which nothing else is decided until this transaction ends.

    Entries go on meanwhile: what refers to a book does not wait for this lock.
    """
    book = await session.get(
        Book, book_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if book is None:
        raise NotFoundError(BOOK_NOT_FOUND)
    return book


@dataclass(frozen=True)
class BookPerson:
    """Somebody of a co-operative, what they are, and what they were before."""

    account_id: UUID
    handle: str
    display_name: str
    status: BookStatusKind
    since: date
    history: Sequence[BookStatus]


async def people_of(session: AsyncSession, actor: Actor, book_id: UUID) -> Sequence[BookPerson]:
    """List the people of a co-operative by name; those who left come last, without their names."""
    place = await get_place(session, actor, book_id)
    history: dict[UUID, list[BookStatus]] = {}
    for status in await statuses.statuses_of(session, place.book.id):
        history.setdefault(status.account_id, []).append(status)
    names = await known_as(session, book_id, history, place.account_id)
    people = [
        BookPerson(account, *names[account], rows[-1].status, rows[-1].since, rows)
        for account, rows in history.items()
    ]
    left = BookStatusKind.LEFT
    return sorted(people, key=lambda one: (one.status == left, one.display_name, one.handle))


async def candidates(session: AsyncSession, book: Book) -> Sequence[tuple[UUID, str, str]]:
    """Return members of the organisation who are nothing in its book yet, by name."""
    people = await statuses.people_at(session, book.id, clock.today())
    statement = (
        select(Account.id, Account.handle, Account.display_name)
        .where(
            Membership.organisation_id == book.organisation_id,
            Membership.account_id == Account.id,
            col(Account.disabled_at).is_(None),
        )
        .order_by(col(Account.display_name), col(Account.handle))
    )
    rows = (await session.exec(statement)).all()
    left = BookStatusKind.LEFT
    return [row for row in rows if row[0] not in people or people[row[0]].status == left]


@dataclass(frozen=True)
class ElectorView:
    """One of the roll, and what they said, if they did."""

    account_id: UUID
    handle: str
    display_name: str
    choice: VoteChoice | None


@dataclass(frozen=True)
class DecisionView:
    """A decision as one asker sees it: names and votes only by those who may see both."""

    decision: Decision
    place: Place
    outcome: DecisionOutcome | None
    words: str
    elector: bool
    my_vote: VoteChoice | None
    tally: Tally
    # The name of the one whom it is about.
    about: str = ""
    electors: Sequence[ElectorView] = ()

    @property
    def open(self) -> bool:
        """Say whether votes are taken."""
        return self.outcome is None and self.decision.ends_at > clock.now()

    @property
    def may_vote(self) -> bool:
        """Say whether the asker's vote is awaited."""
        return self.open and self.elector and self.my_vote is None and self.place.worker_owner


def rule_of(decision: Decision) -> VoteRule:
    """Return the rule under which a decision was opened, whatever was adopted since."""
    return VoteRule(
        base=decision.base,
        threshold=Fraction(decision.numerator, decision.denominator),
        more_than=decision.more_than,
        quorum=Fraction(decision.quorum_numerator, decision.quorum_denominator),
    )


async def organisation_of(session: AsyncSession, book_id: UUID) -> UUID:
    """Return whose book it is."""
    return (await session.get_one(Book, book_id)).organisation_id


async def electors_of(session: AsyncSession, decision_id: UUID) -> Sequence[UUID]:
    """Return a decision's roll."""
    statement = (
        select(DecisionElector.account_id)
        .where(DecisionElector.decision_id == decision_id)
        .order_by(col(DecisionElector.account_id))
    )
    return (await session.exec(statement)).all()


async def votes_of(session: AsyncSession, decision_id: UUID) -> dict[UUID, VoteChoice]:
    """Return how each who voted did."""
    statement = select(DecisionVote).where(DecisionVote.decision_id == decision_id)
    return {vote.account_id: vote.choice for vote in await session.exec(statement)}


async def count(session: AsyncSession, decision: Decision) -> tuple[Tally, int]:
    """Count votes, and those of the roll who may still vote: who left meanwhile does not."""
    votes = await votes_of(session, decision.id)
    roll = await electors_of(session, decision.id)
    now = set(await statuses.worker_owners_at(session, decision.book_id, clock.today()))
    able = sum(each in now and each not in votes for each in roll)
    return tally_of(len(roll), votes.values()), able


async def undecided_about(
    session: AsyncSession, subject: DecisionSubject, subject_id: UUID
) -> UUID | None:
    """Return the decision about something that is not closed yet; there is one at most."""
    statement = (
        select(Decision.id)
        .outerjoin(DecisionOutcome, col(DecisionOutcome.decision_id) == col(Decision.id))
        .where(
            Decision.subject == subject,
            Decision.subject_id == subject_id,
            col(DecisionOutcome.decision_id).is_(None),
        )
    )
    return (await session.exec(statement)).first()


async def outcome_of(session: AsyncSession, decision_id: UUID) -> DecisionOutcome | None:
    """Return how a decision ended, if it did."""
    return await session.get(DecisionOutcome, decision_id, populate_existing=True)


async def get_decision_for(session: AsyncSession, actor: Actor, decision_id: UUID) -> DecisionView:
    """Return a decision to the roll, to those who look after the book, and to whom it is about."""
    actor.require(Scope.LEDGER_READ)
    decision = await session.get(Decision, decision_id)
    if decision is None:
        raise NotFoundError("decision_not_found")
    place = await place_or(session, actor, decision.book_id, "decision_not_found")
    return await view_of(session, place, decision)


async def place_or(session: AsyncSession, actor: Actor, book_id: UUID, code: str) -> Place:
    """Return where the asker stands; to strangers there is no object of that book either."""
    try:
        return await get_place(session, actor, book_id)
    except NotFoundError as error:
        raise NotFoundError(code) from error


async def view_of(session: AsyncSession, place: Place, decision: Decision) -> DecisionView:
    """Put together what one asker may see of a decision."""
    roll = await electors_of(session, decision.id)
    elector = place.account_id in roll
    concerned = decision.terms.get("account_id") == str(place.account_id)
    if isinstance(may_see_decision(place, elector=elector, concerned=concerned), Denied):
        raise NotFoundError("decision_not_found")
    votes = await votes_of(session, decision.id)
    outcome = await outcome_of(session, decision.id)
    named = elector or place.lead
    tally = tally_of(len(roll), votes.values()) if named or outcome else Tally(len(roll))
    note = await session.get(DecisionNote, decision.id)
    people = await known_as(session, decision.book_id, roll, place.account_id) if named else {}
    about = [UUID(decision.terms["account_id"])] if "account_id" in decision.terms else []
    who = await names_in(session, decision.book_id, about, place.account_id)
    return DecisionView(
        decision=decision,
        place=place,
        outcome=outcome,
        words=note.text if note else "",
        elector=elector,
        my_vote=votes.get(place.account_id),
        tally=tally,
        about=next(iter(who.values()), ""),
        electors=[ElectorView(one, *people[one], votes.get(one)) for one in people],
    )


async def decisions_of(
    session: AsyncSession, actor: Actor, book_id: UUID, limit: int, cursor: str | None
) -> Page[DecisionView]:
    """Return a co-operative's decisions, the newest first, to those who look after its book."""
    place = await get_place(session, actor, book_id)
    enforce(may_lead(place))
    statement = select(Decision).where(Decision.book_id == book_id)
    if cursor is not None:
        before = tuple_(col(Decision.opened_at), col(Decision.id))
        statement = statement.where(before < tuple_(*_position(cursor)))
    ordered = statement.order_by(col(Decision.opened_at).desc(), col(Decision.id).desc())
    rows = (await session.exec(ordered.limit(limit + 1))).all()
    page = cut_page(list(rows), limit, lambda one: encode_cursor(one.opened_at.isoformat(), one.id))
    views = [await view_of(session, place, decision) for decision in page.items]
    return Page(views, page.next_cursor)


def _position(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, last = decode_cursor(cursor, 2)
        return datetime.fromisoformat(at or ""), UUID(last or "")
    except ValueError:
        raise InvalidError("cursor_invalid") from None


async def policy_of(session: AsyncSession, book_id: UUID, on: date | None = None) -> Policy:
    """Return the policy that holds on a day; before the first one, what is usual."""
    adopted = await policy_on(session, book_id, on or clock.today())
    return read_policy(adopted) if adopted else Policy()
