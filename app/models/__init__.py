"""All tables; importing this package fills the metadata."""

from app.models import (
    activity,
    administration,
    asks,
    claims,
    federation,
    files,
    identity,
    imports,
    ledger,
    letters,
    matching,
    needs,
    notifications,
    organisations,
    profiles,
    threads,
    webhooks,
)
from app.models.base import metadata

__all__ = [
    "activity",
    "administration",
    "asks",
    "claims",
    "federation",
    "files",
    "identity",
    "imports",
    "ledger",
    "letters",
    "matching",
    "metadata",
    "needs",
    "notifications",
    "organisations",
    "profiles",
    "threads",
    "webhooks",
]
