"""Tables of accounts and of the ways to prove who is asking."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, StringConstraints
from sqlalchemy import Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Language, Line, created, moment, texts


def _folded(handle: str) -> str:
    return handle.lower()


Handle = Annotated[
    str,
    AfterValidator(_folded),
    StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9_.-]{1,30}[A-Za-z0-9])$"),
]
Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s<>\"',;:\\]{1,64}@[^@\s<>\"',;:\\]{1,190}\.[^@\s.]{2,63}$"),
]
Password = Annotated[str, StringConstraints(min_length=8, max_length=256, strip_whitespace=False)]


class AccountFields(Fields):
    """What a person gives to have an account; a pseudonym is enough."""

    handle: Handle
    display_name: Annotated[Line, StringConstraints(max_length=80)] = ""
    email: Email | None = None
    language: Language = "en"


class Account(SQLModel, table=True):
    """A person's account; the name is a pseudonym unless the person wants otherwise."""

    __tablename__ = "accounts"
    __table_args__ = (Index("uq_accounts_handle_folded", text("lower(handle)"), unique=True),)

    id: UUID = Field(primary_key=True)
    handle: str = Field(max_length=32)
    display_name: str = Field(default="", max_length=80)
    email: str | None = Field(default=None, max_length=254)
    email_proven_at: datetime | None = moment(default=None, nullable=True)
    password_hash: str
    language: str = Field(default="en", max_length=35)
    steward: bool = False
    # Stands for somebody without an account: who asks by link, who works from another instance.
    silent: bool = False
    created_at: datetime = created()
    disabled_at: datetime | None = moment(default=None, nullable=True)
    # Reads everything and writes nothing, until the stewards have looked.
    limited_at: datetime | None = moment(default=None, nullable=True)
    standing_reason: str = Field(default="", max_length=2000)


class Session(SQLModel, table=True):
    """A signed-in browser; only the hash of its secret is kept."""

    __tablename__ = "sessions"

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: UUID = Field(foreign_key="accounts.id", ondelete="CASCADE", index=True)
    created_at: datetime = created()
    seen_at: datetime = created()
    expires_at: datetime = moment(index=True)


class AccessToken(SQLModel, table=True):
    """A tool's key with its scopes; shown once, kept as a hash."""

    __tablename__ = "access_tokens"

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.id", ondelete="CASCADE", index=True)
    name: str = Field(max_length=80)
    token_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    scopes: list[str] = texts()
    created_at: datetime = created()
    expires_at: datetime = moment()
    used_at: datetime | None = moment(default=None, nullable=True)
    revoked_at: datetime | None = moment(default=None, nullable=True)


class SetupToken(SQLModel, table=True):
    """The one-time link of the first start; there are no default credentials."""

    __tablename__ = "setup_tokens"

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    created_at: datetime = created()
    used_at: datetime | None = moment(default=None, nullable=True)


class SignInFailure(SQLModel, table=True):
    """A failed sign-in, counted against guessing; kept for an hour, holds no address."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index("ix_sign_in_failures_key_at", "key", "at"),)

    id: UUID = Field(primary_key=True)
    key: bytes = Field(sa_type=LargeBinary)
    at: datetime = created()
