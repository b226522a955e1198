"""Tables of what peers sign of our log, what we sign of theirs, and what became of a rewound log.

What somebody signed is append-only. That the ledger is read-only is a row in `ledger_freezes`
without a fork: while there is one, the database lets nothing new into the log.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, moment, texts

NOTE_CHARACTERS_MAX = 16_384
ORIGIN_CHARACTERS_MAX = 300


class WitnessedLog(SQLModel, table=True):
    """A log of a peer, as we last saw it; we sign nothing that did not grow out of this.

    A log that a public fork began has the tree at which it parted from the one it `continues`.
    """

    __tablename__ = "witnessed_logs"

    origin: str = Field(primary_key=True, max_length=ORIGIN_CHARACTERS_MAX)
    peer_id: UUID = Field(foreign_key="peers.id", ondelete="CASCADE", index=True)
    size: int = Field(default=0, sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    # The keys by which it signs, as its instance told us in a signed request (vkeys of C2SP).
    keys: list[str] = texts()
    # The newest checkpoint that we signed, with our signature; empty before the first.
    note: str = Field(default="", max_length=NOTE_CHARACTERS_MAX)
    signed_at: datetime | None = moment(default=None, nullable=True)
    continues: str | None = Field(default=None, max_length=ORIGIN_CHARACTERS_MAX)
    parted_at_size: int | None = Field(default=None, sa_type=BigInteger)
    # What its stewards said of it.
    reason: str = Field(default="", max_length=2000)
    created_at: datetime = created()


class WitnessedCheckpoint(SQLModel, table=True):
    """A checkpoint of a peer that we signed; kept for ever, to be held against what comes."""

    __tablename__ = "witnessed_checkpoints"
    __table_args__ = (UniqueConstraint("origin", "size"),)

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    origin: str = Field(max_length=ORIGIN_CHARACTERS_MAX)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    note: str = Field(max_length=NOTE_CHARACTERS_MAX)
    signed_at: datetime = moment()


class Contradiction(SQLModel, table=True):
    """A checkpoint that a peer signed and that does not go with what it had shown us."""

    __tablename__ = "contradictions"
    __table_args__ = (UniqueConstraint("origin", "size", "root"),)

    id: UUID = Field(primary_key=True)
    peer_id: UUID = Field(foreign_key="peers.id", index=True)
    origin: str = Field(max_length=ORIGIN_CHARACTERS_MAX)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    # Both as the peer's log signed them: whoever has them can show them to anybody.
    shown_note: str = Field(max_length=NOTE_CHARACTERS_MAX)
    held_note: str = Field(max_length=NOTE_CHARACTERS_MAX)
    noticed_at: datetime = created()


class Cosignature(SQLModel, table=True):
    """What a witness signed of a checkpoint of ours (C2SP cosignature/v1)."""

    __tablename__ = "cosignatures"
    __table_args__ = (
        UniqueConstraint("origin", "size", "witness", "public_key"),
        Index("ix_cosignatures_newest", "witness", "origin", "size"),
    )

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    origin: str = Field(max_length=ORIGIN_CHARACTERS_MAX)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    # The name of the key and the key by which the line is checked.
    witness: str = Field(max_length=ORIGIN_CHARACTERS_MAX)
    public_key: bytes = Field(sa_type=LargeBinary)
    # The line as it stands under the checkpoint.
    line: str = Field(max_length=1000)
    signed_at: datetime = moment()
    received_at: datetime = created()


class WitnessLane(SQLModel, table=True):
    """How it goes with one witness: when it is asked next, and why it last said no."""

    __tablename__ = "witness_lanes"

    peer_id: UUID = Field(primary_key=True, foreign_key="peers.id", ondelete="CASCADE")
    # The keys by which it signs as a witness, as it told us in a signed answer (vkeys of C2SP).
    keys: list[str] = texts()
    # What we told it of our log: its name and keys.
    told: list[str] = texts()
    # What it holds of our log, by its own word: a proof begins there.
    held_origin: str = Field(default="", max_length=ORIGIN_CHARACTERS_MAX)
    held_size: int = Field(default=0, sa_type=BigInteger)
    failures: int = 0
    last_failure: str = Field(default="", max_length=60)
    next_try_at: datetime = created()
    asked_at: datetime | None = moment(default=None, nullable=True)


class FreezeReason(StrEnum):
    """How what somebody holds of our log differs from it."""

    BEHIND = "behind"  # they hold a newer checkpoint: this database is an old one
    DIFFERS = "differs"  # theirs is of another history


class LedgerFreeze(SQLModel, table=True):
    """A checkpoint of ours, held outside, that our log does not go with: nothing is appended."""

    __tablename__ = "ledger_freezes"
    __table_args__ = (
        UniqueConstraint("source", "origin", "size", "root"),
        Index("ix_ledger_freezes_open", "noticed_at", postgresql_where=text("fork_id IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    reason: FreezeReason = choice(FreezeReason, name="reason")
    # The witness, or "file".
    source: str = Field(max_length=ORIGIN_CHARACTERS_MAX)
    origin: str = Field(max_length=ORIGIN_CHARACTERS_MAX)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    # The proof: it bears our own signature, so nobody can stop our ledger by a lie.
    note: str = Field(max_length=NOTE_CHARACTERS_MAX)
    our_size: int = Field(sa_type=BigInteger)
    noticed_at: datetime = created()
    fork_id: UUID | None = Field(default=None, foreign_key="public_forks.id", index=True)


class PublicFork(SQLModel, table=True):
    """A steward's public word that the log goes on from an older state, under another name."""

    __tablename__ = "public_forks"

    id: UUID = Field(primary_key=True)
    number: int = Field(unique=True)
    # The names of the log before and after.
    continues: str = Field(max_length=ORIGIN_CHARACTERS_MAX)
    origin: str = Field(max_length=ORIGIN_CHARACTERS_MAX, unique=True)
    # The newest tree that those outside hold and that this log still contains.
    common_size: int = Field(sa_type=BigInteger)
    common_root: bytes = Field(sa_type=LargeBinary)
    # The newest tree that those outside hold of the log before; what it had more is given up.
    abandoned_size: int = Field(sa_type=BigInteger)
    abandoned_root: bytes = Field(sa_type=LargeBinary)
    declared_by: UUID
    declared_at: datetime = created()
    # SHA-256 of salt and text: the words can be erased, the log stays as it is.
    reason_hash: bytes = Field(sa_type=LargeBinary)


class ForkReason(SQLModel, table=True):
    """What a steward wrote about a fork for everybody to read; it can be erased."""

    __tablename__ = "fork_reasons"

    fork_id: UUID = Field(primary_key=True, foreign_key="public_forks.id")
    text: str = Field(max_length=2000)
    salt: bytes = Field(sa_type=LargeBinary)
