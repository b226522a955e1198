"""What is told, how it is signed, when again. Pure.

By Standard Webhooks 1.0, https://www.standardwebhooks.com.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that every secret of the standard has
SECRET_BYTES = 32
# What an organisation's tools can be told: the activities of its needs and of claims on them.
NEED_EVENTS = ("need.published", "need.updated", "need.withdrawn")
CLAIM_EVENTS = (
    "claim.applied",
    "claim.accepted",
    "claim.declined",
    "claim.withdrawn",
    "claim.released",
    "claim.lapsed",
    "claim.expired",
    "claim.submitted",
    "claim.changes_requested",
    "claim.disputed",
    "claim.confirmed",
    "claim.rejected",
)
EVENTS = NEED_EVENTS + CLAIM_EVENTS
TEST_EVENT = "webhook.test"
# The standard's own example of a schedule, to three days in all.
RETRY_AFTER = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 64_800, 81_000)
)
KEPT_FOR = timedelta(days=30)
FORMER_SECRET_FOR = timedelta(hours=24)
PER_ORGANISATION_MAX = 10
GONE = 410


def new_secret() -> str:
    """Make a callback's secret."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature_of(secret: str, message_id: str, moment: datetime, body: bytes) -> str:
    """Return the symmetric signature `v1,…` over id, time and body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{int(moment.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def message_id_of(delivery_id: UUID) -> str:
    """Return the id by which a receiver knows a message again: the same at each attempt."""
    return f"msg_{delivery_id.hex}"


def headers_of(
    delivery_id: UUID, moment: datetime, body: bytes, valid_secrets: Iterable[str]
) -> dict[str, str]:
    """Return the headers of one attempt; more than one signature while a secret is replaced."""
    message_id = message_id_of(delivery_id)
    signatures = [signature_of(secret, message_id, moment, body) for secret in valid_secrets]
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def pause_after(attempts: int) -> timedelta | None:
    """Return how long to wait after so many attempts, or nothing when it was the last one."""
    return RETRY_AFTER[attempts - 1] if attempts <= len(RETRY_AFTER) else None
