"""What can go wrong with claims.

claim_not_found         404  not there, or not for the asker to know
claim_exists            409  one live claim per worker and need
need_full               409  every place is taken
need_not_open           409  the need takes nobody now
transition_impossible   409  not from this state, or not by this side
reason_required         422  this move wants a reason
claims_limit            409  the worker holds as many places as they may
applications_limit      409  the worker waits for as many answers as they may
worker_claims_limit     409  told to the organisation: the worker's hands are full
applied_often           409  applied to this need as often as one may in a day
scoping_not_wanted      409  only a need whose skills are unknown wants its scope found out
scoping_taken           409  somebody is finding its scope out already
scoping_overfull        422  a scoping session is an hour
work_before_need        422  more than a year before there was the need
settlement_state        409  only what is disputed can be settled
disputed_in_book        409  what worker-owners keep is disputed in their book
settlement_offer_gone   409  who offered it is no member any more
settlement_parties_only 403  the two sides settle it, nobody else
panel_not_found         404  not there, or not for the asker to know
panel_closed            409  it is decided already
seat_given_up           409  somebody else was drawn instead
work_log_not_found      404  no such work log on this claim
day_overfull            422  more than 24 hours on one day, all claims together
claim_day_full          409  with this claim a day would have more than 24 hours, all work together
work_in_future          422  work is logged when it is done
nothing_logged          409  submitting wants at least one work log
"""

from datetime import date

from app.errors import ConflictError, FieldError, InvalidError, NotFoundError


def claim_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("claim_not_found")


def claim_exists() -> ConflictError:
    """409: this worker has a claim on this need already."""
    return ConflictError("claim_exists")


def applied_often() -> ConflictError:
    """409: applied to this need as often as one may in a day."""
    return ConflictError("applied_often")


def need_full(places: int) -> ConflictError:
    """409: every place is taken."""
    return ConflictError("need_full", places=places)


def need_not_open() -> ConflictError:
    """409: the need takes nobody now."""
    return ConflictError("need_not_open")


def day_overfull(left: int) -> InvalidError:
    """422: with the minutes that are left of the day."""
    fields = [FieldError("/minutes", "day_overfull", {"left": left})]
    return InvalidError("day_overfull", errors=fields, left=left)


def claim_day_full(day: date, there: int, most: int) -> ConflictError:
    """409: with the day, the minutes that are there, and the most that this claim may be given."""
    extra = {"day": day.isoformat(), "minutes_there": there, "minutes_max": most}
    hours = f"{there // 60}:{there % 60:02}"
    return ConflictError("claim_day_full", extra=extra, day=day.isoformat(), hours=hours, most=most)


def work_in_future() -> InvalidError:
    """422: work is logged when it is done."""
    return InvalidError("work_in_future", errors=[FieldError("/worked_on", "work_in_future")])


def work_before_need() -> InvalidError:
    """422: the day is more than a year before there was the need."""
    return InvalidError("work_before_need", errors=[FieldError("/worked_on", "work_before_need")])


def scoping_taken() -> ConflictError:
    """409: one live scoping session per need."""
    return ConflictError("scoping_taken")


def scoping_overfull(left: int) -> InvalidError:
    """422: with the minutes that are left of the hour."""
    fields = [FieldError("/minutes", "scoping_overfull", {"left": left})]
    return InvalidError("scoping_overfull", errors=fields, left=left)


def settlement_minutes(logged: int) -> InvalidError:
    """422: with what was logged."""
    fields = [FieldError("/minutes", "settlement_minutes", {"logged": logged})]
    return InvalidError("settlement_minutes", errors=fields, logged=logged)


def settlement_offer_gone() -> ConflictError:
    """409: who offered it is no member any more."""
    return ConflictError("settlement_offer_gone")


def panel_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("panel_not_found")


def disputed_in_book() -> ConflictError:
    """409: work that stands in a book of worker-owners is disputed there, entry by entry."""
    return ConflictError("disputed_in_book")
