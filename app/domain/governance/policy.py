"""Who may do what in a co-operative: pure, on loaded facts."""

from dataclasses import dataclass
from uuid import UUID

from app.domain.access import ALLOWED, Decision, Denied
from app.models.governance import ConversionSide
from app.models.ledger import Book, BookStatus, BookStatusKind
from app.models.organisations import MemberRole, Membership


@dataclass(frozen=True)
class Place:
    """Where somebody stands in a co-operative: in the organisation, and in its book."""

    book: Book
    account_id: UUID
    membership: Membership | None
    status: BookStatus | None

    @property
    def kind(self) -> BookStatusKind | None:
        """Return what they are today; None for whoever never was anything."""
        return self.status.status if self.status else None

    @property
    def worker_owner(self) -> bool:
        """Say whether they have a vote."""
        return self.kind is BookStatusKind.WORKER_OWNER

    @property
    def lead(self) -> bool:
        """Say whether they look after the book: worker-owners, and the organisation's owners."""
        owner = self.membership is not None and self.membership.role is MemberRole.OWNER
        return self.worker_owner or owner


def may_see(place: Place) -> Decision:
    """Members see how their co-operative is governed; who left sees it as far as it is theirs."""
    if place.membership is None and place.status is None:
        return Denied("book_not_found")
    return ALLOWED


def may_lead(place: Place) -> Decision:
    """Those who look after the book write down what others are."""
    return ALLOWED if place.lead else Denied("lead_required")


def may_govern(place: Place) -> Decision:
    """Worker-owners propose, sign and pay."""
    return ALLOWED if place.worker_owner else Denied("worker_owner_required")


def may_see_of(place: Place, account_id: UUID) -> Decision:
    """One's own standing is one's own; those who look after the book see everybody's."""
    if place.lead or place.account_id == account_id:
        return ALLOWED
    return Denied("lead_required")


def may_vote(place: Place, *, elector: bool, voted: bool) -> Decision:
    """Whoever was on the roll when it was opened votes, once, as long as they have not left."""
    if not elector or not place.worker_owner:
        return Denied("elector_required")
    if voted:
        return Denied("vote_cast", conflict=True)
    return ALLOWED


def may_see_decision(place: Place, *, elector: bool, concerned: bool) -> Decision:
    """The roll, those who look after the book, and the one whom it is about."""
    if elector or concerned or place.lead:
        return ALLOWED
    return Denied("decision_not_found")


def side_of(place: Place, account_id: UUID, *, own: bool) -> ConversionSide | None:
    """Return the side for which somebody signs: one's own gifts never for the book (R15).

    `own`: what is theirs, by this account or by another one of theirs.
    """
    if place.account_id == account_id:
        return ConversionSide.WORKER
    return ConversionSide.BOOK if place.worker_owner and not own else None


def may_open_conversion(side: ConversionSide | None) -> Decision:
    """The one who gave asks, or a worker-owner for them."""
    return ALLOWED if side else Denied("conversion_side")


def may_pay(place: Place, *, own: bool) -> Decision:
    """Worker-owners pay out; nobody pays themselves, by whichever account."""
    return ALLOWED if place.worker_owner and not own else Denied("exit_side")
