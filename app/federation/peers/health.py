"""How it goes with a peer, in one sentence that says what to do or when it is tried again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.infra import clock, i18n
from app.models.federation import Peer, PeerInbox, PeerOutbox, PeerState

UNREACHABLE_AFTER = timedelta(days=7)
# What waits for less than this is on its way; what waits for longer is behind.
ON_ITS_WAY = timedelta(minutes=10)
IN_STEP = frozenset({"well", "delivering"})
DAYS_FROM = timedelta(hours=48)
SECONDS_PER_MINUTE = 60
MINUTES_PER_HOUR = 60
# Answers of theirs by which only people can go on; all others are tried again as they are.
REFUSALS = {
    "not-peer": "not_peer",
    "peer-suspended": "peer_suspended",
    "key-changed": "key_changed",
    "object-does-not-exist": "blocked",
}
# Why a message did not get through, as far as there are words for it.
REASONS = frozenset(
    {
        "unreachable",
        "signature_invalid",
        "signature_missing",
        "rate_limit_exceeded",
        "wrong_host",
        "too_large",
        "malformed",
        "unsupported_type",
        "id_reuse",
        "state_conflict",
        "actor_not_authorized",
        "principal_actor_mismatch",
        "rule",
        "object_does_not_exist",
        "peer_suspended",
        "not_peer",
        "key_changed",
        "failed",
        "unknown_problem",
    }
)


@dataclass(frozen=True)
class Health:
    """How it goes with a peer: a code for programs, with what its sentence names."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)
    last_try_at: datetime | None = None
    next_try_at: datetime | None = None

    @property
    def in_step(self) -> bool:
        """Whether nothing but a moment is missing on either side."""
        return self.code in IN_STEP


@dataclass(frozen=True)
class Lanes:
    """What the two lanes of a peer hold just now."""

    outbox: PeerOutbox | None
    inbox: PeerInbox | None
    waiting: int = 0
    oldest_at: datetime | None = None
    # By how many minutes the two clocks differ, while messages fail for it.
    minutes_apart: int | None = None


def health_of(peer: Peer, lanes: Lanes) -> Health:
    """Say how it goes with a peer, the gravest first."""
    outbox, n = lanes.outbox, lanes.waiting
    if peer.state != PeerState.ACTIVE or outbox is None:
        return _before_or_after(peer, outbox)
    if lanes.minutes_apart is not None or outbox.failures:
        return _failing(peer, outbox, lanes)
    tried = _latest(outbox.last_success_at, lanes.inbox.last_message_at if lanes.inbox else None)
    if lanes.inbox is not None and lanes.inbox.pull_failures:
        at = lanes.inbox.pull_after
        return Health("unread", {"next": at}, last_try_at=tried, next_try_at=at)
    if n and lanes.oldest_at and clock.now() - lanes.oldest_at > ON_ITS_WAY:
        behind = clock.now() - lanes.oldest_at
        at = outbox.next_attempt_at
        return Health("behind", {"n": n, "span": behind}, last_try_at=tried, next_try_at=at)
    if n:
        return Health("delivering", {"n": n}, last_try_at=tried)
    return Health("well", last_try_at=tried)


def _before_or_after(peer: Peer, outbox: PeerOutbox | None) -> Health:
    """What a handshake waits for, or why nothing is exchanged."""
    if outbox is None or not outbox.failures or peer.state == PeerState.BLOCKED:
        return Health(peer.state.value)
    tries = {"last_try_at": outbox.last_failure_at, "next_try_at": outbox.next_attempt_at}
    if peer.state == PeerState.PROPOSED:
        return Health("proposed_unanswered", {"next": outbox.next_attempt_at}, **tries)
    return Health(peer.state.value, {}, **tries)


def _failing(peer: Peer, outbox: PeerOutbox, lanes: Lanes) -> Health:
    n, at = lanes.waiting, outbox.next_attempt_at
    tries = {"last_try_at": outbox.last_failure_at, "next_try_at": at}
    if lanes.minutes_apart is not None:
        apart = timedelta(minutes=lanes.minutes_apart)
        return Health("clocks_differ", {"span": apart}, **tries)
    since = outbox.last_success_at or peer.active_since or peer.created_at
    refusal = REFUSALS.get(outbox.last_failure)
    if refusal is not None:
        return Health(f"refused_{refusal}", {"n": n, "next": at}, **tries)
    if outbox.last_failure == "clock-skew":
        return Health("clock", {"n": n, "next": at}, **tries)
    if clock.now() - since > UNREACHABLE_AFTER:
        return Health("unreachable", {"since": since, "next": at}, **tries)
    return Health("broken", {"n": n, "reason": outbox.last_failure, "next": at}, **tries)


def _latest(*moments: datetime | None) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None


def sentence(language: str, health: Health) -> str:
    """Write how it goes in somebody's language."""
    params = dict(health.params)
    if "since" in params:
        params["since"] = i18n.format_date(language, params["since"].date())
    if "next" in params:
        params["next"] = said_time(language, params["next"])
    if "span" in params:
        params["span"] = said_span(language, params["span"])
    if "reason" in params:
        params["reason"] = said_reason(language, params["reason"])
    message_id = f"peer.health.{health.code}"
    if "n" in params:
        return i18n.translate_plural(language, message_id, params.pop("n"), **params)
    return i18n.translate(language, message_id, **params)


def said_time(language: str, at: datetime, *, past: bool = False) -> str:
    """Write when something is, or was, tried: the hour when that is near, else the day as well."""
    at = at if past else max(at, clock.now())
    if abs(at - clock.now()) < timedelta(hours=12):
        return f"{at:%H:%M} UTC"
    return f"{i18n.format_datetime(language, at)} UTC"


def said_span(language: str, span: timedelta) -> str:
    """Write how long ago: in minutes, in hours, in days."""
    if span >= DAYS_FROM:
        return i18n.translate_plural(language, "peer.span.days", span.days)
    minutes = max(int(span.total_seconds()) // SECONDS_PER_MINUTE, 1)
    if minutes >= MINUTES_PER_HOUR:
        minutes -= minutes % MINUTES_PER_HOUR
    return i18n.format_minutes(language, minutes)


def said_reason(language: str, code: str) -> str:
    """Write why something did not get through."""
    if code.startswith("status-"):
        status = code.removeprefix("status-")
        return i18n.translate(language, "peer.reason.status", status=status)
    known = code.replace("-", "_")
    return i18n.translate(language, f"peer.reason.{known if known in REASONS else 'other'}")
