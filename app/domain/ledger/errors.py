"""What can go wrong with the ledger.

book_not_found        404  not there, or not for the asker to know
book_forbidden        403  a member, but neither owner nor worker-owner
confirmation_own      403  nobody confirms their own work
confirmation_state    409  only submitted (or disputed) work is confirmed
confirmation_minutes  422  more than was logged, or nothing
settlement_needed     409  in a dispute, less than all wants the worker to agree
ownership_on          409  worker ownership is on in this book already
ownership_needed      409  the book is not yet kept by worker-owners
currency_unknown      422  not one of the currencies with a hundredth part
slips_refused         422  one slip or more does not hold, so none was entered; with each one's why
opening_refused       422  one line or more does not hold
opening_confirmed     409  the opening is in the book; what was wrong in it is corrected
opening_not_found     404  nobody has written one yet
opening_stale         412  it was written anew since it was read
opening_own           403  whoever wrote it does not confirm it
opening_preparer_gone 409  whoever wrote it keeps the book no more: somebody writes it anew
opening_too_late      409  the first period has begun
receipt_*             …    why a receipt does not enter the book
entry_not_found       404  not there, or not for the asker to know
entry_*               409  why an entry is not corrected
correction_day        422  the rest would give somebody a day of more than 24 hours
correction_own        403  nobody corrects an entry to their own good
correction_minutes    422  as long as before, or longer
"""

from collections.abc import Sequence

from app.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    StaleError,
)


def book_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("book_not_found")


def confirmation_refused(code: str) -> ForbiddenError:
    """403: nobody confirms their own work (R15), and only members confirm."""
    return ForbiddenError(code)


def confirmation_state(state: str) -> ConflictError:
    """409: only submitted (or disputed) work is confirmed."""
    return ConflictError("confirmation_state", extra={"state": state}, state=state)


def settlement_needed() -> ConflictError:
    """409: in a dispute, less than what was logged wants the worker to agree."""
    return ConflictError("settlement_needed")


def confirmation_minutes(logged: int) -> InvalidError:
    """422: with what was logged."""
    fields = [FieldError("/minutes", "confirmation_minutes", {"logged": logged})]
    return InvalidError("confirmation_minutes", errors=fields, logged=logged)


def book_forbidden() -> ForbiddenError:
    """403: a member, but neither owner nor worker-owner."""
    return ForbiddenError("book_forbidden")


def ownership_on() -> ConflictError:
    """409: it is switched on once."""
    return ConflictError("ownership_on")


def ownership_needed() -> ConflictError:
    """409: an organisation's plain book has no openings, slips or receipts from elsewhere."""
    return ConflictError("ownership_needed")


def currency_unknown() -> InvalidError:
    """422: money is kept in hundredths, so only in currencies that have them."""
    fields = [FieldError("/currency", "currency_unknown")]
    return InvalidError("currency_unknown", errors=fields)


def slips_refused(faults: Sequence[FieldError]) -> InvalidError:
    """422: whole or not at all."""
    return InvalidError("slips_refused", errors=faults, count=len(faults))


def opening_refused(faults: Sequence[FieldError]) -> InvalidError:
    """422: whole or not at all."""
    return InvalidError("opening_refused", errors=faults, count=len(faults))


def opening_not_found() -> NotFoundError:
    """404: nobody has written one yet."""
    return NotFoundError("opening_not_found")


def opening_confirmed() -> ConflictError:
    """409: once per book."""
    return ConflictError("opening_confirmed")


def opening_too_late() -> ConflictError:
    """409: what counts in a period must not appear below it."""
    return ConflictError("opening_too_late")


def opening_stale() -> StaleError:
    """412: confirmed is what was read."""
    return StaleError("opening_stale")


def opening_own() -> ForbiddenError:
    """403: two people stand behind an opening."""
    return ForbiddenError("opening_own")


def opening_preparer_gone() -> ConflictError:
    """409: two who keep the book stand behind an opening."""
    return ConflictError("opening_preparer_gone")


def offer_not_found() -> NotFoundError:
    """404: nobody offered this receipt to this book."""
    return NotFoundError("receipt_offer_not_found")


def receipt_not_for_book(code: str) -> ConflictError:
    """409: the receipt cannot enter this book; each reason has a sentence of its own."""
    return ConflictError(code)


def receipt_own() -> ForbiddenError:
    """403: nobody takes their own receipt into a book (R15)."""
    return ForbiddenError("receipt_own")


def entry_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("entry_not_found")


def entry_stays(code: str) -> ConflictError:
    """409: this entry is not corrected so; each reason has a sentence of its own."""
    return ConflictError(code)


def correction_own() -> ForbiddenError:
    """403: nobody corrects an entry to their own good (R15)."""
    return ForbiddenError("correction_own")


def correction_minutes(before: int) -> InvalidError:
    """422: a correction takes away; more work is an entry of its own."""
    fields = [FieldError("/minutes", "correction_minutes", {"before": before})]
    return InvalidError("correction_minutes", errors=fields, before=before)


def correction_day() -> InvalidError:
    """422: the rest would give somebody a day of more than 24 hours."""
    return InvalidError("correction_day", errors=[FieldError("/worker", "slip_day_full")])


def correction_worker() -> InvalidError:
    """422: the rest goes to somebody else of this book."""
    return InvalidError("correction_worker", errors=[FieldError("/worker", "slip_worker_unknown")])
