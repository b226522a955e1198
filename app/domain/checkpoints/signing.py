"""The instance's ledger key: made once, sealed with the key file, opened to sign.

Not the key by which peers know our messages: that one is changed every year, while people keep
this one's public half for as long as they want to check the book.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.checkpoints import queries
from app.domain.checkpoints.actions import lock_log
from app.domain.checkpoints.rules import origin_of
from app.infra import clock, keys, notes
from app.infra.notes import NoteKey, NoteSignature, SignatureKind
from app.models.checkpoints import LogKey

KEY_FILE = "instance.key"
SEAL_PURPOSE = "ledger-signing-key"


@dataclass(frozen=True)
class LedgerSigner:
    """Signs our checkpoints as their log, and those of peers as a witness, under one name."""

    name: str
    private_key: Ed25519PrivateKey

    def sign(self, text: str) -> NoteSignature:
        """Sign a checkpoint of our own."""
        return notes.sign(text, self.name, self.private_key)

    def cosign(self, text: str) -> NoteSignature:
        """Sign a peer's checkpoint now, having checked that its log only grew."""
        seconds = int(clock.now().timestamp())
        return notes.cosign(text, self.name, self.private_key, seconds)

    def key(self, kind: SignatureKind) -> NoteKey:
        """The public half as the log's key or as the witness's."""
        return NoteKey(self.name, kind, self.private_key.public_key().public_bytes_raw())


async def open_signer(session: AsyncSession, origin: str, data_dir: Path) -> LedgerSigner:
    """Open the key that signs now; the first call of an instance's life makes it.

    `origin` is the instance's address. Raises SealBrokenError where the key file does not fit.
    """
    key_file = keys.load_or_create_key_file(data_dir / KEY_FILE)
    row = await _current(session) or await _make(session, key_file)
    raw = keys.unseal(key_file, row.sealed_private_key, purpose=SEAL_PURPOSE)
    return LedgerSigner(origin_of(origin), keys.load_private_key(raw))


async def public_keys(session: AsyncSession, origin: str, kind: SignatureKind) -> list[NoteKey]:
    """All keys that ever signed for our log, or as a witness; the one that signs now last."""
    rows = await queries.log_keys(session)
    return [NoteKey(origin_of(origin), kind, row.public_key) for row in rows]


async def renew_key(session: AsyncSession, data_dir: Path) -> None:
    """Sign with a new key from now on; what the old ones signed stays checkable."""
    await lock_log(session)
    for row in await queries.log_keys(session):
        row.retired_at = row.retired_at or clock.now()
        session.add(row)
    await session.flush()
    await _insert(session, keys.load_or_create_key_file(data_dir / KEY_FILE))


async def _current(session: AsyncSession) -> LogKey | None:
    rows = await queries.log_keys(session)
    return rows[-1] if rows and rows[-1].retired_at is None else None


async def _make(session: AsyncSession, key_file: bytes) -> LogKey:
    await lock_log(session)  # of several processes one makes it
    row = await _current(session)
    return row or await _insert(session, key_file)


async def _insert(session: AsyncSession, key_file: bytes) -> LogKey:
    private_key = keys.new_private_key()
    sealed = keys.seal(key_file, private_key.private_bytes_raw(), purpose=SEAL_PURPOSE)
    row = LogKey(
        public_key=private_key.public_key().public_bytes_raw(),
        sealed_private_key=sealed,
        created_at=clock.now(),
    )
    await session.execute(insert(LogKey).values(**row.model_dump()))
    return row
