"""Tables of the instance's log: its leaves, the tree above them, and its signed states.

All three only ever grow; the database refuses everything else (migration 0027).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from app.models.base import created, moment


class LogLeaf(SQLModel, table=True):
    """A leaf: what it is about, and the forty bytes by which it is bound to that.

    `data` is what RFC 6962 hashes: eight bytes that say whose leaf it is to those who know the
    book's id, and the SHA-256 of the thing's canonical bytes (domain/checkpoints/rules.py).
    """

    __tablename__ = "log_leaves"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        CheckConstraint("octet_length(data) = 40", name="data_length"),
        Index("ix_log_leaves_book", "book_id", "position"),
    )

    position: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    # A LogKind, as it waited in log_pending.
    kind: str = Field(max_length=32)
    subject: UUID
    # Null for what concerns the whole instance.
    book_id: UUID | None = None
    data: bytes = Field(sa_type=LargeBinary)
    taken_up_at: datetime = created()


class LogNode(SQLModel, table=True):
    """The hash over a complete subtree of two leaves or more: it never changes again."""

    __tablename__ = "log_nodes"

    level: int = Field(primary_key=True, sa_type=SmallInteger)
    index: int = Field(primary_key=True, sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)


class Checkpoint(SQLModel, table=True):
    """A state of the log that we signed, as a note (C2SP tlog-checkpoint)."""

    __tablename__ = "checkpoints"

    size: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    root: bytes = Field(sa_type=LargeBinary)
    note: str = Field(max_length=2000)
    made_at: datetime = created()


class LogKey(SQLModel, table=True):
    """A key by which we sign our checkpoints and cosign those of peers, sealed with the key file.

    The newest one that is not retired signs; what older ones signed can be checked for ever.
    """

    __tablename__ = "log_keys"

    public_key: bytes = Field(primary_key=True, sa_type=LargeBinary)
    sealed_private_key: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = created()
    retired_at: datetime | None = moment(default=None, nullable=True)
