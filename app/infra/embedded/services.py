"""Where the embedded servers answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EmbeddedServices:
    """The three addresses a process needs."""

    database_url: str
    owner_url: str
    redis_url: str
