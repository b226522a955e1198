"""The life of an ask, and its other rules. Pure.

unconfirmed → waiting ⇄ asked → published → done; exits declined, merged, withdrawn. What is never
confirmed is deleted; what is over forgets whom it came from.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network

from app.domain.profiles import skills
from app.infra.secrets_in_text import Finding, find_secrets
from app.models.asks import Ask, AskChanges, AskState
from app.models.needs import NeedKind

S = AskState
TRANSITIONS: Mapping[AskState, frozenset[AskState]] = {
    S.UNCONFIRMED: frozenset({S.WAITING}),
    S.WAITING: frozenset({S.ASKED, S.PUBLISHED, S.DECLINED, S.MERGED, S.WITHDRAWN}),
    S.ASKED: frozenset({S.WAITING, S.PUBLISHED, S.DECLINED, S.MERGED, S.WITHDRAWN}),
    S.PUBLISHED: frozenset({S.PUBLISHED, S.DONE, S.WITHDRAWN}),
    S.DECLINED: frozenset(),
    S.MERGED: frozenset(),
    S.WITHDRAWN: frozenset(),
    S.DONE: frozenset(),
}
if set(TRANSITIONS) != set(AskState) or any(
    target not in TRANSITIONS for targets in TRANSITIONS.values() for target in targets
):
    message = "the table of an ask's moves does not cover every state"
    raise RuntimeError(message)

# As long as the text is the asker's own to change.
TEXT_OPEN = frozenset({S.WAITING, S.ASKED})
ENDED = frozenset(state for state, targets in TRANSITIONS.items() if not targets)

CONFIRM, EDIT = "ask.confirm", "ask.edit"
CONFIRM_WITHIN = timedelta(days=7)
EDIT_FOR = timedelta(days=400)
ERASED_AFTER = timedelta(days=30)
FASTEST_SECONDS = 3
STAMP_LIFE_SECONDS = 24 * 3600
# Generous: a Tor exit, a café or a whole town's provider is one network.
PER_NETWORK_A_DAY = 200
PER_ADDRESS_A_DAY = 3
SUGGESTED_SKILLS_MAX = 8
TITLE_MAX = 120
_SENTENCE = re.compile(r"(?<=[.!?;·…])\s|\n")
_WORD = re.compile(r"[\w#+.·'’-]+")

KIND_OF_START: Mapping[str, NeedKind] = {
    "site_down": NeedKind.RESCUE,
    "leave_google": NeedKind.HOSTING,
    "video_assembly": NeedKind.COMMUNICATION,
    "newsletter": NeedKind.OUTREACH,
    "show_feed": NeedKind.OUTREACH,
    "security_check": NeedKind.SECURITY,
    "teach_us": NeedKind.TEACHING,
}


def network_of(address: IPv4Address | IPv6Address | None) -> str | None:
    """Return the network that an address is counted with; None where it tells nothing.

    A private address is a proxy that nobody named to us, behind which everybody comes: never
    counted.
    """
    if address is None or not address.is_global:
        return None
    return str(ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))


def counted_name(day_key: bytes, kind: str, value: str) -> bytes:
    """Return the name under which something is counted today; tomorrow nobody can make it."""
    return hmac.new(day_key, f"{kind} {value}".encode(), hashlib.sha256).digest()


def stamp_of(day_key: bytes, seconds: int) -> str:
    """Return a form's hour of birth, signed, so that a browser without scripts can carry it."""
    return f"{seconds}.{hmac.new(day_key, f'form {seconds}'.encode(), hashlib.sha256).hexdigest()}"


def old_enough(day_keys: Sequence[bytes], stamp: str, now_seconds: int) -> bool:
    """Say whether a form was open for as long as a person needs."""
    written, _, _ = stamp.partition(".")
    if not written.isascii() or not written.isdigit() or len(written) > 12:
        return False
    seconds = int(written)
    own = any(
        hmac.compare_digest(stamp.encode(), stamp_of(key, seconds).encode()) for key in day_keys
    )
    return own and FASTEST_SECONDS <= now_seconds - seconds <= STAMP_LIFE_SECONDS


def secrets_in(fields: AskChanges | Ask) -> list[tuple[str, Finding]]:
    """Return what should not be public in an ask, by field. The way to reach them is no secret."""
    names = ("stuck", "size", "organisation_name")
    said = [(name, str(getattr(fields, name))) for name in names]
    return [(name, finding) for name, text in said for finding in find_secrets(text)]


def title_of(stuck: str) -> str:
    """Return the first sentence of a text, short enough for a title."""
    first = next((part.strip() for part in _SENTENCE.split(stuck) if part.strip()), stuck.strip())
    if len(first) <= TITLE_MAX:
        return first
    return first[:TITLE_MAX].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def suggested_skills(text: str) -> list[str]:
    """Return skills whose names stand in a text, in the order in which they are said."""
    found: dict[str, None] = {}
    for term in _terms(text):
        slug = skills.match_tag(term)
        if slug is not None:
            found.setdefault(slug)
    return list(found)[:SUGGESTED_SKILLS_MAX]


def _terms(text: str) -> Iterator[str]:
    """Words, and two and three in a row, the longer ones first: "video call" before "video"."""
    for line in text.splitlines():
        said = [word.strip(".'’-") for word in _WORD.findall(line)]
        for at in range(len(said)):
            for length in (3, 2, 1):
                if at + length <= len(said) and (length > 1 or len(said[at]) > 2):
                    yield " ".join(said[at : at + length])
