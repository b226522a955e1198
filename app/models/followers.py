"""Tables of the public surface: who follows this instance from the fediverse, and their mail."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, LargeBinary
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, data, moment


class Scheme(StrEnum):
    """How another server wants to be written to, as far as we found out."""

    UNKNOWN = "unknown"
    RFC9421 = "rfc9421"
    CAVAGE = "cavage"


class RemoteActor(SQLModel, table=True):
    """Somebody on another server as their actor document shows them: kept to prove what they say.

    Only what was fetched from the actor's own origin stands here; that a key was not found is
    never remembered.
    """

    __tablename__ = "remote_actors"

    actor_url: str = Field(primary_key=True, max_length=500)
    origin: str = Field(max_length=300)
    inbox_url: str = Field(max_length=500)
    shared_inbox_url: str | None = Field(default=None, max_length=500)
    name: str = Field(default="", max_length=200)
    # Address of the key → the key: PEM for RSA, Multikey for Ed25519.
    keys: dict[str, Any] = data(default_factory=dict)
    speaks_rfc9421: bool = False
    fetched_at: datetime = moment(index=True)


class RemoteServer(SQLModel, table=True):
    """A server with followers of ours: its lane, and how it wants to be written to."""

    __tablename__ = "remote_servers"
    __table_args__ = (Index("ix_remote_servers_due", "next_attempt_at", "leased_until"),)

    origin: str = Field(primary_key=True, max_length=300)
    scheme: Scheme = choice(Scheme, name="scheme", default=Scheme.UNKNOWN)
    failures: int = 0
    failing_since: datetime | None = moment(default=None, nullable=True)
    last_failure: str = Field(default="", max_length=60)
    last_success_at: datetime | None = moment(default=None, nullable=True)
    next_attempt_at: datetime = created()
    leased_until: datetime = created()


class Follower(SQLModel, table=True):
    """Somebody on another server who gets our public needs; it grants nothing else."""

    __tablename__ = "followers"

    actor_url: str = Field(primary_key=True, max_length=500)
    origin: str = Field(
        max_length=300, index=True, foreign_key="remote_servers.origin", ondelete="CASCADE"
    )
    inbox_url: str = Field(max_length=500)
    shared_inbox_url: str | None = Field(default=None, max_length=500)
    name: str = Field(default="", max_length=200)
    follow_id: str = Field(max_length=500)
    since: datetime = created()


class Note(SQLModel, table=True):
    """What followers were last told of a need of ours: by its digest, or that it is gone."""

    __tablename__ = "notes"

    need_id: UUID = Field(primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    updated_at: datetime = created()
    gone_at: datetime | None = moment(default=None, nullable=True)


class PublicPost(SQLModel, table=True):
    """An activity of ours for the fediverse, written once however many servers it goes to."""

    __tablename__ = "public_posts"

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    need_id: UUID | None = Field(default=None, index=True)
    activity_type: str = Field(max_length=40)
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = created()


class PublicDelivery(SQLModel, table=True):
    """A post on its way to one inbox; the row goes when it has arrived or nobody waits for it."""

    __tablename__ = "public_deliveries"
    __table_args__ = (Index("ix_public_deliveries_lane", "origin", "id"),)

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    post_id: int = Field(
        sa_type=BigInteger, foreign_key="public_posts.id", ondelete="CASCADE", index=True
    )
    origin: str = Field(max_length=300, foreign_key="remote_servers.origin", ondelete="CASCADE")
    inbox_url: str = Field(max_length=500, index=True)


class PublicMessage(SQLModel, table=True):
    """A message of the public surface that has had its effect: it has none a second time."""

    __tablename__ = "public_messages"
    __table_args__ = (Index("ix_public_messages_origin_at", "origin", "at"),)

    activity_id: str = Field(primary_key=True, max_length=500)
    origin: str = Field(max_length=300)
    at: datetime = moment(index=True)


class StrangerFetch(SQLModel, table=True):
    """That a stranger's message made us ask their server who they are: so often and no more."""

    __tablename__ = "stranger_fetches"
    __table_args__ = (Index("ix_stranger_fetches_origin_at", "origin", "at"),)

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    origin: str = Field(max_length=300)
    again: bool
    at: datetime = moment(index=True)
