"""What a file may be called, how many there may be, and when one is over. Pure."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from app.models.base import one_line
from app.models.files import NAME_MAX

# An upload whose message is never sent, and bytes whose row never came: both are swept.
WAITS_FOR_MESSAGE = timedelta(hours=24)
ORPHAN_AFTER = timedelta(hours=1)
FILES_PER_NEED_MAX = 12
_FORBIDDEN = frozenset('/\\:*?"<>|\x00')
_STEM_FALLBACK = "file"


@dataclass(frozen=True)
class Limits:
    """How much room there is, in bytes; an operator sets each."""

    file: int
    account: int
    organisation: int
    instance: int


@dataclass(frozen=True)
class Usage:
    """How much of the room is used, in bytes."""

    account: int
    organisation: int
    instance: int


def quota_reached_by(size: int, usage: Usage, limits: Limits) -> str | None:
    """Say whose room a file of this size would go beyond, if anybody's."""
    for whose in ("account", "organisation", "instance"):
        if getattr(usage, whose) + size > getattr(limits, whose):
            return whose
    return None


def extension_of(name: str) -> str:
    """Return the ending of a name, in lower case."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()[:10]


def clean_name(name: str, extension: str) -> str:
    """Return a name that is only a name: no path, nothing unseen, bounded, with this ending."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    plain = "".join(" " if c in _FORBIDDEN or c < " " else c for c in last)
    seen = one_line("".join(c for c in plain if not "\ud800" <= c <= "\udfff"))
    stem = seen.rpartition(".")[0] if "." in seen else seen
    # A name that begins with a dot is hidden on many machines; one that is only dots is none.
    stem = stem.strip(" .")[: NAME_MAX - len(extension)].strip(" .")
    return f"{stem or _STEM_FALLBACK}{extension}"


def is_abandoned(created_at: datetime, now: datetime) -> bool:
    """Say whether an upload has waited too long for its message."""
    return now >= created_at + WAITS_FOR_MESSAGE


def is_orphan(written_at: datetime, now: datetime) -> bool:
    """Say whether bytes without a row are left over rather than just being taken in."""
    return now >= written_at + ORPHAN_AFTER
