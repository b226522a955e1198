"""Shapes of the instance's own keys."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, StringConstraints

from app.api.schemas.base import Body, Shape
from app.models.federation import KeyKind, KeyState


class KeyShape(Shape):
    """A key of ours; nothing of it is secret. The fingerprint is of Ed25519 keys only."""

    name: str
    address: str
    kind: KeyKind
    state: KeyState
    fingerprint: str | None
    created_at: datetime
    current_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class KeyMove(Body):
    """Revoke a key: never accepted again, and what it signed before `since` still holds."""

    to: Literal["revoked"]
    since: AwareDatetime | None = None
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
