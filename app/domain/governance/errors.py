"""What can go wrong with decisions, admission and leaving.

ownership_needed          409  the book is not yet kept by worker-owners
not_in_book               404  no such person in this co-operative, or not for the asker to know
lead_required             403  owners of the organisation and worker-owners do this
worker_owner_required     403  worker-owners do this
founders_named            409  the co-operative has worker-owners: the next are admitted by decision
status_not_member         422  only members of the organisation
status_future             422  a status begins today at the latest
status_too_early          422  probation begins with the book, and a month ago at the earliest
status_out_of_order       409  it would begin before what already holds
status_same               409  that is what they are already
decision_not_found        404  not there, or not for the asker to know
decision_closed           409  it is decided
overtaken_agreed          409  the two sides of the dispute agreed, or it was ruled on
overtaken_withdrawn       409  what is voted on was taken back
overtaken_left            409  whoever it is about has left
overtaken_rules           409  the day from which the rules were to hold has come
decision_pending          409  the same is being decided already
decision_roll_empty       409  nobody would be on the roll
decision_party            403  who is a party in a dispute puts no figures to the vote
decision_days             422  within the days that a decision may take
elector_required          403  only who was on the roll when it was opened
vote_cast                 409  everybody votes once
vote_unproven             403  others on the roll have the same address: its owner proves it first
vote_same_person          409  voted by another account with the same address, both proven
standing_missing          409  not everything is there that the policy asks for
standing_same_person      409  somebody with the same address has standing in the book already
admission_open            409  somebody asked already
admission_not_found       404  nothing was asked, or it is answered
training_own              403  somebody else writes down what one learned
training_not_found        404  no such training of theirs
status_period_closed      409  the day lies in a period that is closed, or about to be
decision_minutes          422  an appeal says how much would be left of the entry
conversion_not_found      404  not there, or not for the asker to know
conversion_empty          422  not all that was chosen is gift work that waits to be recognised
conversion_side           403  each side signs for itself, and only these two take part
conversion_signed         409  this side signed, or nothing waits for a signature any more
conversion_unsigned       409  both sides sign before it is decided
conversion_changed        409  a gift does not stand any more as it stood
exit_not_found            404  not there, or not for the asker to know
exit_open                 409  one is open already
exit_last_owner           409  somebody has to be left who is worker-owner
exit_side                 403  worker-owners pay, and nobody themselves
exit_schedule             422  so many instalments, so far apart, from such a day on
exit_paying               409  the first instalment is paid
exit_unpaid               409  something is left to pay
payout_day                422  not before they left, nor in the future
payout_not_due            409  the next one has not come yet
payout_done               409  nothing is left to pay
"""

from typing import Any

from app.errors import FieldError, InvalidError


def invalid(code: str, pointer: str, **params: Any) -> InvalidError:
    """422: with the field that is in question."""
    return InvalidError(code, errors=[FieldError(pointer, code, params)], **params)
