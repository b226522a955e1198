"""What `doctor` says of one thing that it looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at: sound or not, and what to do."""

    name: str
    ok: bool
    what: str
    mend: str = ""
