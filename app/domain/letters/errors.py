"""The errors of letters.

GoneError
└── mail_link_gone    used, too old, or never given out: one answer for the three
"""

from app.errors import GoneError


def mail_link_gone() -> GoneError:
    """Answer for every link that opens nothing, so that guessing teaches nothing."""
    return GoneError("mail_link_gone")
