"""Our own keys as rows: made on the first start, sealed at rest, opened to sign."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.wire.actors import KEY_FRAGMENT, RSA_FRAGMENT
from app.infra import clock, keys
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.federation import InstanceKey, KeyKind, KeyState

KEY_FILE = "instance.key"
SEAL_PURPOSE = "instance-signing-key"
_OPENED = "federation.identity"


async def our_keys(session: AsyncSession, runtime: Runtime) -> Sequence[InstanceKey]:
    """Return all our keys, oldest first; makes the first ones, once however many processes."""
    rows = await _read(session)
    if {row.kind for row in rows if row.state == KeyState.CURRENT} != set(KeyKind):
        await _make_first(runtime, {row.kind for row in rows})
        # Another process may have been first: read what stands in the database by now.
        rows = await _read(session)
    return rows


async def _read(session: AsyncSession) -> Sequence[InstanceKey]:
    statement = select(InstanceKey).order_by(col(InstanceKey.created_at), col(InstanceKey.name))
    return (await session.exec(statement.execution_options(populate_existing=True))).all()


async def _make_first(runtime: Runtime, have: set[KeyKind]) -> None:
    """In a transaction of its own: the caller's may be rolled back after a key was used."""
    async with transaction(runtime.sessions) as apart:
        if KeyKind.ED25519 not in have:
            await _insert(apart, new_key(runtime, KEY_FRAGMENT, f"e-{secrets.token_hex(6)}"))
        if KeyKind.RSA not in have:
            epoch = (await apart.exec(select(InstanceKey.epoch))).first() or ""
            await _insert(apart, await _new_rsa_key(runtime, epoch))


async def _insert(session: AsyncSession, row: InstanceKey) -> None:
    await session.execute(insert(InstanceKey).values(**row.model_dump()).on_conflict_do_nothing())


def new_key(runtime: Runtime, name: str, epoch: str, **values: Any) -> InstanceKey:
    """Make a signing key, sealed; it is not in the database yet."""
    private_key = keys.new_private_key()
    public_key = private_key.public_key().public_bytes_raw()
    sealed = _seal(runtime, name, private_key.private_bytes_raw())
    return _row(name, KeyKind.ED25519, public_key, sealed, epoch=epoch, **values)


async def _new_rsa_key(runtime: Runtime, epoch: str) -> InstanceKey:
    raw = await asyncio.to_thread(keys.new_rsa_key)
    public_key = keys.rsa_public_bytes(keys.load_rsa_key(raw))
    sealed = _seal(runtime, RSA_FRAGMENT, raw)
    return _row(RSA_FRAGMENT, KeyKind.RSA, public_key, sealed, epoch=epoch)


def _row(name: str, kind: KeyKind, public_key: bytes, sealed: bytes, **values: Any) -> InstanceKey:
    now = clock.now()
    dated = {"created_at": now, "current_at": now, **values}
    return InstanceKey(
        name=name, kind=kind, public_key=public_key, sealed_private_key=sealed, **dated
    )


def open_key(runtime: Runtime, row: InstanceKey) -> Ed25519PrivateKey:
    """Return the private half of a signing key of ours."""
    return keys.load_private_key(_unseal(runtime, row))


def open_rsa_key(runtime: Runtime, row: InstanceKey) -> RSAPrivateKey:
    """Return the private half of our RSA key."""
    opened = _opened(runtime)
    if row.sealed_private_key not in opened:
        # Reading one takes a thousand times as long as an Ed25519 key: once a process.
        opened[row.sealed_private_key] = keys.load_rsa_key(_unseal(runtime, row))
    found: RSAPrivateKey = opened[row.sealed_private_key]
    return found


def _opened(runtime: Runtime) -> dict[bytes | str, Any]:
    found: dict[bytes | str, Any] = runtime.shared.setdefault(_OPENED, {})
    return found


def _key_file(runtime: Runtime) -> bytes:
    opened = _opened(runtime)
    if KEY_FILE not in opened:
        opened[KEY_FILE] = keys.load_or_create_key_file(runtime.data_dir / KEY_FILE)
    found: bytes = opened[KEY_FILE]
    return found


def _purpose(name: str) -> str:
    # The first key was sealed when there was only one.
    return SEAL_PURPOSE if name == KEY_FRAGMENT else f"{SEAL_PURPOSE}:{name}"


def _seal(runtime: Runtime, name: str, raw: bytes) -> bytes:
    return keys.seal(_key_file(runtime), raw, purpose=_purpose(name))


def _unseal(runtime: Runtime, row: InstanceKey) -> bytes:
    return keys.unseal(_key_file(runtime), row.sealed_private_key, purpose=_purpose(row.name))
