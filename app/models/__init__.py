"""All tables; importing this package fills the metadata."""

from app.models import (
    activity,
    administration,
    claims,
    federation,
    identity,
    ledger,
    letters,
    needs,
    organisations,
    profiles,
)
from app.models.base import metadata

__all__ = [
    "activity",
    "administration",
    "claims",
    "federation",
    "identity",
    "ledger",
    "letters",
    "metadata",
    "needs",
    "organisations",
    "profiles",
]
