"""Rules of accounts, sessions and tokens: pure, with their numbers at the top."""

import hashlib
from datetime import datetime, timedelta

from app.infra.text import fold

SESSION_IDLE = timedelta(days=7)
SESSION_ABSOLUTE = timedelta(days=30)
SESSION_SEEN_EVERY = timedelta(minutes=5)
# What a letter with a link to an address asks: is it yours?
PROOF_LINK = "prove_email"
PROOF_LINK_LIFE = timedelta(days=3)
# A way back for somebody who forgot the password, handed over by whoever runs the machine.
RESET_LINK = "reset_password"
RESET_LINK_LIFE = timedelta(hours=24)
TOKEN_PREFIX = "tln_"  # noqa: S105 - the public beginning of every token
TOKEN_DAYS_MAX = 366
FAILURE_WINDOW = timedelta(hours=1)

# The shapes that a breached-password list is mostly made of, long enough to pass the length.
_COMMON = (
    "password", "passw0rd", "qwerty", "12345678", "letmein", "iloveyou", "welcome", "admin",
    "tornallom", "contrasenya", "contraseña", "wachtwoord", "abc123", "changeme", "football",
    "dragon", "monkey", "sunshine", "princess", "kodikos", "κωδικος",
)  # fmt: skip


def secret_hash(secret: str) -> bytes:
    """Hash a random secret for storing; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def password_weakness(password: str, handle: str, minimum: int) -> str | None:
    """Say why a password is refused (NIST SP 800-63B §5.1.1.2: length and common ones)."""
    folded = fold(password)
    if len(password) < minimum:
        return "password_too_short"
    if len(set(folded)) < 5 or fold(handle) in folded:
        return "password_too_common"
    rest = folded
    for common in _COMMON:
        rest = rest.replace(fold(common), "")
    return "password_too_common" if len(rest.strip("0123456789!.?*-_ ")) < 3 else None


def session_alive(seen: datetime, expires: datetime, now: datetime) -> bool:
    """Say whether a session still counts: not idle for a week, not older than its end."""
    return now < expires and now - seen < SESSION_IDLE
