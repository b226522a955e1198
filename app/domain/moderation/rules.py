"""What can be decided about what is reported, and the numbers of reporting. Pure."""

from collections.abc import Mapping
from datetime import timedelta

from app.models.identity import Account
from app.models.moderation import Report, ReportAbout, ReportDeed, ReportState

S = ReportState
TRANSITIONS: Mapping[ReportState, frozenset[ReportState]] = {
    S.WAITING: frozenset({S.LOOKED_AT}),
    S.LOOKED_AT: frozenset(),
}
D = ReportDeed
DEEDS: Mapping[ReportAbout, tuple[ReportDeed, ...]] = {
    ReportAbout.NEED: (D.LET_BE, D.HELD, D.SUSPENDED),
    ReportAbout.ORGANISATION: (D.LET_BE, D.SUSPENDED),
    ReportAbout.QUESTION: (D.LET_BE, D.HIDDEN, D.LIMITED, D.BLOCKED),
    ReportAbout.MESSAGE: (D.LET_BE, D.HIDDEN, D.LIMITED, D.BLOCKED),
    ReportAbout.WORKER: (D.LET_BE, D.LIMITED, D.BLOCKED),
}
if set(TRANSITIONS) != set(ReportState) or set(DEEDS) != set(ReportAbout):
    message = "the tables of reports do not cover everything"
    raise RuntimeError(message)

# What the one concerned is told the reason of.
REASON_REQUIRED = frozenset(ReportDeed) - {D.LET_BE}
ABOUT_ACCOUNTS = frozenset({D.LIMITED, D.BLOCKED})
# What anybody may read, anybody may report.
BY_STRANGERS = frozenset({ReportAbout.NEED, ReportAbout.ORGANISATION})
DAY = timedelta(days=1)
PER_PERSON_A_DAY = 20
# A Tor exit, a café or a whole town's provider is one network.
PER_NETWORK_A_DAY = 60
# Strangers have no name by which the same one could be told apart: the first few say it all.
STRANGERS_WAITING_MAX = 10
SAID_MAX = 8000
HIDDEN_REASON_MAX = 500


def possible_deeds(report: Report) -> tuple[ReportDeed, ...]:
    """Return what stewards can decide, as far as whom it concerns is still known."""
    return tuple(
        deed
        for deed in DEEDS[report.about]
        if (report.account_id is not None or deed not in ABOUT_ACCOUNTS)
        and (report.organisation_id is not None or deed is not D.SUSPENDED)
    )


def restriction_of(account: Account) -> str:
    """Say how far an account reaches: active, limited (reads and writes nothing), or blocked."""
    if account.disabled_at is not None:
        return "blocked"
    return "limited" if account.limited_at is not None else "active"
