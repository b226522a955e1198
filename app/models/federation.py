"""Tables of peers and of the messages between them and us.

A peer's rows are three, because three different writers hold them: the stewards (`peers`), the
outgoing lane (`peer_outboxes`) and the incoming one (`peer_inboxes`).
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, String, text
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, moment, texts

# Compared byte by byte, as the manifest is ordered by it for every reader.
ADDRESS = String(500, collation="C")


class PeerState(StrEnum):
    """Where two instances stand with each other; the moves are in federation/peers/states.py."""

    NONE = "none"
    PROPOSED = "proposed"
    REQUESTED = "requested"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    KEY_CHANGED = "key_changed"
    ENDED = "ended"
    BLOCKED = "blocked"


class KeyKind(StrEnum):
    """What a key of ours is for: peers know Ed25519, the rest of the fediverse RSA."""

    ED25519 = "ed25519"
    RSA = "rsa"


class KeyState(StrEnum):
    """The life of a key of ours; how it moves is in federation/peers/rotation.py."""

    NEXT = "next"
    CURRENT = "current"
    RETIRING = "retiring"
    RETIRED = "retired"
    REVOKED = "revoked"


class InstanceKey(SQLModel, table=True):
    """A key of ours, sealed with the key file; what it signed can be checked for ever.

    The epoch that our sequences count in stands in every row, and is the same in all.
    """

    __tablename__ = "instance_keys"
    __table_args__ = (
        Index(
            "uq_instance_keys_signing",
            "kind",
            "state",
            unique=True,
            postgresql_where=text("state IN ('next', 'current')"),
        ),
    )

    # The fragment of the key's address.
    name: str = Field(primary_key=True, max_length=40)
    kind: KeyKind = choice(KeyKind, name="kind", default=KeyKind.ED25519)
    state: KeyState = choice(KeyState, name="state", default=KeyState.CURRENT)
    public_key: bytes = Field(sa_type=LargeBinary)
    # Empty when the key will never sign again.
    sealed_private_key: bytes = Field(sa_type=LargeBinary)
    epoch: str = Field(max_length=40)
    created_at: datetime = created()
    current_at: datetime | None = moment(default=None, nullable=True)
    expires_at: datetime | None = moment(default=None, nullable=True)
    revoked_at: datetime | None = moment(default=None, nullable=True)
    # The message by which peers were told of this key, while it is the next one.
    announcement: str | None = Field(default=None, max_length=500)
    # Messages that this key alone may sign, however late they leave.
    letters: list[str] = texts()


class KeyArrival(StrEnum):
    """How a peer's key came to be accepted: by people, or by a key that they had accepted."""

    PINNED = "pinned"
    ROTATED = "rotated"


class PeerKey(SQLModel, table=True):
    """A key that a peer signs or signed with; kept for ever, for what it signed."""

    __tablename__ = "peer_keys"
    __table_args__ = (
        Index("uq_peer_keys_key", "peer_id", "key_id", "public_key", unique=True),
        Index("ix_peer_keys_key_id", "key_id"),
    )

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    peer_id: UUID = Field(foreign_key="peers.id", ondelete="CASCADE")
    key_id: str = Field(max_length=500)
    public_key: bytes = Field(sa_type=LargeBinary)
    came: KeyArrival = choice(KeyArrival, name="came", default=KeyArrival.PINNED)
    accepted_from: datetime = created()
    accepted_until: datetime | None = moment(default=None, nullable=True)
    revoked_at: datetime | None = moment(default=None, nullable=True)


class Peer(SQLModel, table=True):
    """Another instance and what we hold of it: the key it uses now and where we stand.

    All keys that are accepted of it are in `peer_keys`; this one is shown to people.
    """

    __tablename__ = "peers"
    __table_args__ = (Index("ix_peers_limited", "id", postgresql_where=text("limited")),)

    id: UUID = Field(primary_key=True)
    origin: str = Field(max_length=300, unique=True)
    actor_url: str = Field(max_length=500)
    inbox_url: str = Field(max_length=500)
    key_id: str = Field(max_length=500)
    public_key: bytes = Field(sa_type=LargeBinary)
    # A key the peer shows that nobody has approved: nothing is accepted by it.
    candidate_key_id: str | None = Field(default=None, max_length=500)
    candidate_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    name: str = Field(default="", max_length=200)
    software: str = Field(default="", max_length=100)
    state: PeerState = choice(PeerState, name="state", default=PeerState.NONE)
    # Where we stood when another key appeared: there we stand again if the old key vouches for it.
    held_state: str | None = Field(default=None, max_length=32)
    offer_id: str | None = Field(default=None, max_length=500)
    answer_id: str | None = Field(default=None, max_length=500)
    # Its needs are kept, and shown only to those who look for that instance (decision 0024).
    limited: bool = False
    # Why the stewards decided as they did; never sent anywhere.
    note: str = Field(default="", max_length=1000)
    # What it says of itself where anybody can read it, and when we read that.
    policy_url: str = Field(default="", max_length=500)
    languages: list[str] = texts()
    open_needs: int | None = None
    described_at: datetime | None = moment(default=None, nullable=True)
    # When stewards were told of a silence that lasts.
    silence_told_at: datetime | None = moment(default=None, nullable=True)
    created_at: datetime = created()
    state_at: datetime = created()
    active_since: datetime | None = moment(default=None, nullable=True)
    version: int = 1


class PeerOutbox(SQLModel, table=True):
    """The outgoing lane of a peer: its sequence, its patience, who is sending just now."""

    __tablename__ = "peer_outboxes"

    peer_id: UUID = Field(primary_key=True, foreign_key="peers.id", ondelete="CASCADE")
    last_seq: int = Field(default=0, sa_type=BigInteger)
    acknowledged_seq: int = Field(default=0, sa_type=BigInteger)
    acknowledged_at: datetime | None = moment(default=None, nullable=True)
    nudged_at: datetime | None = moment(default=None, nullable=True)
    failures: int = 0
    next_attempt_at: datetime = created()
    last_success_at: datetime | None = moment(default=None, nullable=True)
    last_failure_at: datetime | None = moment(default=None, nullable=True)
    last_failure: str = Field(default="", max_length=60)
    leased_until: datetime = created()
    # How far its clock is ahead of ours by its own word, while it refuses us for that.
    clock_offset_seconds: int | None = None
    # The epoch that this lane counts in; empty for the instance's first one.
    epoch: str = Field(default="", max_length=40)
    past_epochs: list[str] = texts()
    epoch_at: datetime = created()
    checked_at: datetime = created()
    oldest_seq: int = Field(default=1, sa_type=BigInteger)
    # What the peer should hold of us: the sum of its rows in peer_holdings.
    held_count: int = 0
    held_digest: bytes = Field(default=bytes(32), sa_type=LargeBinary)


class PeerInbox(SQLModel, table=True):
    """The incoming lane of a peer: what has been applied of its sequence."""

    __tablename__ = "peer_inboxes"

    peer_id: UUID = Field(primary_key=True, foreign_key="peers.id", ondelete="CASCADE")
    epoch: str = Field(default="", max_length=40)
    applied_seq: int = Field(default=0, sa_type=BigInteger)
    last_message_at: datetime | None = moment(default=None, nullable=True)
    pull_failures: int = 0
    pull_after: datetime = created()
    # How far its clock is ahead of ours by its signatures, while we refuse it for that.
    clock_offset_seconds: int | None = None
    past_epochs: list[str] = texts()
    news_due: bool = False
    # What we hold of it: the sum of its rows in remote_objects.
    held_count: int = 0
    held_digest: bytes = Field(default=bytes(32), sa_type=LargeBinary)
    mismatches: int = 0
    manifest_due: bool = False
    # When its whole manifest was last read and found, or made, to be what we hold.
    compared_at: datetime = created()
    repair_after: datetime = created()
    repair_failures: int = 0
    repaired_at: datetime | None = moment(default=None, nullable=True)


class PeerTally(SQLModel, table=True):
    """What a peer said that we should hold; requests write it while the lane is at work."""

    __tablename__ = "peer_tallies"

    peer_id: UUID = Field(primary_key=True, foreign_key="peers.id", ondelete="CASCADE")
    epoch: str = Field(default="", max_length=40)
    seq: int = Field(sa_type=BigInteger)
    count: int
    digest: bytes = Field(sa_type=LargeBinary)


class PeerHolding(SQLModel, table=True):
    """An object of ours that a peer should hold, with the content we last told it."""

    __tablename__ = "peer_holdings"

    peer_id: UUID = Field(primary_key=True, foreign_key="peers.id", ondelete="CASCADE")
    url: str = Field(primary_key=True, sa_type=ADDRESS, index=True)
    version: int
    sha256: bytes = Field(sa_type=LargeBinary)


class Publication(SQLModel, table=True):
    """A need that peers are yet to be told of; several changes of it are told as one."""

    __tablename__ = "publications"

    need_id: UUID = Field(primary_key=True)
    at: datetime = created()


class FederationEvent(SQLModel, table=True):
    """A message of ours, written once whatever the number of peers it goes to."""

    __tablename__ = "federation_events"

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    activity_id: str = Field(max_length=500, unique=True)
    activity_type: str = Field(max_length=40)
    object_url: str = Field(default="", max_length=500, index=True)
    object_version: int = 0
    # About an object that the manifest lists, so the message need not be kept for ever.
    listed: bool = False
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = created()


class DeliveryState(StrEnum):
    """The life of a delivery."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


class Delivery(SQLModel, table=True):
    """One message to one peer; `seq` is null for the handshake, gapless for the rest."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("uq_deliveries_peer_id_seq", "peer_id", "seq", unique=True),
        Index("ix_deliveries_pending", "peer_id", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_deliveries_peer_event", "peer_id", "event_id"),
        Index(
            "ix_deliveries_refused",
            "peer_id",
            "id",
            postgresql_where=text("state = 'dead' AND dropped_at IS NULL"),
        ),
    )

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    peer_id: UUID = Field(foreign_key="peers.id", ondelete="CASCADE")
    event_id: int = Field(
        sa_type=BigInteger, foreign_key="federation_events.id", ondelete="CASCADE", index=True
    )
    seq: int | None = Field(default=None, sa_type=BigInteger)
    state: DeliveryState = choice(DeliveryState, name="state", default=DeliveryState.PENDING)
    attempts: int = 0
    last_status: int | None = None
    last_code: str = Field(default="", max_length=100)
    created_at: datetime = created()
    sent_at: datetime | None = moment(default=None, nullable=True)
    # A steward has seen that the peer refused it, and leaves it at that.
    dropped_at: datetime | None = moment(default=None, nullable=True)
    told_at: datetime | None = moment(default=None, nullable=True)


class IncomingState(StrEnum):
    """The life of a message from a peer."""

    RECEIVED = "received"
    APPLIED = "applied"
    IGNORED = "ignored"
    REFUSED = "refused"
    PARKED = "parked"


class IncomingMessage(SQLModel, table=True):
    """A verified message, stored before anything is done with it; never stored twice."""

    __tablename__ = "incoming_messages"
    __table_args__ = (
        Index("uq_incoming_messages_activity", "peer_id", "activity_id", unique=True),
        Index("ix_incoming_messages_sequence", "peer_id", "epoch", "seq"),
        Index(
            "ix_incoming_messages_received",
            "peer_id",
            "seq",
            postgresql_where=text("state = 'received'"),
        ),
        Index(
            "ix_incoming_messages_for_people",
            "peer_id",
            "id",
            postgresql_where=text("state IN ('parked', 'refused')"),
        ),
    )

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    peer_id: UUID = Field(foreign_key="peers.id", ondelete="CASCADE")
    activity_id: str = Field(max_length=500)
    activity_type: str = Field(max_length=40)
    body: bytes = Field(sa_type=LargeBinary)
    body_hash: bytes = Field(sa_type=LargeBinary)
    epoch: str = Field(default="", max_length=40)
    seq: int | None = Field(default=None, sa_type=BigInteger)
    state: IncomingState = choice(IncomingState, name="state", default=IncomingState.RECEIVED)
    code: str = Field(default="", max_length=100)
    attempts: int = 0
    received_at: datetime = created()
    done_at: datetime | None = moment(default=None, nullable=True)
    # When stewards were told that it waits for them.
    told_at: datetime | None = moment(default=None, nullable=True)


class SeenNonce(SQLModel, table=True):
    """A nonce that was used; kept for longer than a signature may live."""

    __tablename__ = "seen_nonces"
    __table_args__ = (Index("ix_seen_nonces_origin_at", "origin", "at"),)

    origin: str = Field(primary_key=True, max_length=300)
    nonce: str = Field(primary_key=True, max_length=64)
    at: datetime = created()


class FetchCause(StrEnum):
    """Why an origin is asked for its actor."""

    CLAIMED = "claimed"
    ANNOUNCED = "announced"
    INTRODUCED = "introduced"
    SHOWN = "shown"


class ActorFetch(SQLModel, table=True):
    """When we last asked an origin for its actor, each cause apart: nobody makes us ask oftener."""

    __tablename__ = "actor_fetches"

    origin: str = Field(primary_key=True, max_length=300)
    cause: FetchCause = choice(FetchCause, name="cause", primary_key=True)
    at: datetime = moment(index=True)


class RemoteObject(SQLModel, table=True):
    """What we know of a peer's object: its newest version, or that it is gone."""

    __tablename__ = "remote_objects"

    url: str = Field(primary_key=True, max_length=500)
    peer_id: UUID = Field(foreign_key="peers.id", ondelete="CASCADE", index=True)
    epoch: str = Field(default="", max_length=40)
    version: int = 0
    status: str = Field(default="", max_length=32)
    gone: bool = False
    need_id: UUID | None = None
    # Its content as it was sent, whether or not we could make a need of it.
    sha256: bytes = Field(default=b"", sa_type=LargeBinary)
    updated_at: datetime = created()
