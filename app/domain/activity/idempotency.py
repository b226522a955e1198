"""Answers kept under an Idempotency-Key, in the transaction of the effect they answer.

draft-ietf-httpapi-idempotency-key-header: the same key and request get the same answer; the
same key with another request is refused. A key is the asker's own: nobody else's key, however
guessed, reaches it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.errors import ConflictError, InvalidError, MalformedError
from app.infra import clock
from app.models.activity import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
KEY_LENGTH_MAX = 255


@dataclass(frozen=True)
class KeptAnswer:
    """The answer given the first time."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def clean_key(raw: str) -> str:
    """Accept the draft's quoted string and the bare form that many clients send."""
    key = raw.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > KEY_LENGTH_MAX or not key.isascii() or not key.isprintable():
        raise MalformedError("idempotency_key_invalid")
    return key


async def claim_key(
    session: AsyncSession, scope: str, key: str, body_hash: bytes
) -> KeptAnswer | None:
    """Take the key for this transaction, or return the answer it already has.

    A concurrent request with the same key waits here until the first one has committed or
    rolled back: the primary key decides, not a look beforehand.
    """
    now = clock.now()
    await session.execute(
        delete(IdempotencyKey).where(
            col(IdempotencyKey.scope) == scope,
            col(IdempotencyKey.key) == key,
            col(IdempotencyKey.expires_at) < now,
        )
    )
    statement = (
        insert(IdempotencyKey)
        .values(
            scope=scope,
            key=key,
            body_hash=body_hash,
            created_at=now,
            expires_at=now + KEPT_FOR,
        )
        .on_conflict_do_nothing()
        .returning(col(IdempotencyKey.key))
    )
    if (await session.execute(statement)).first() is not None:
        return None
    kept = (
        await session.exec(
            select(IdempotencyKey).where(IdempotencyKey.scope == scope, IdempotencyKey.key == key)
        )
    ).one_or_none()
    if kept is None or kept.status is None:
        raise ConflictError("idempotency_in_progress")
    if kept.body_hash != body_hash:
        raise InvalidError("idempotency_key_reused")
    return KeptAnswer(kept.status, kept.headers or {}, kept.body or b"")


async def keep_answer(session: AsyncSession, scope: str, key: str, answer: KeptAnswer) -> None:
    """Keep the answer beside its effect."""
    await session.execute(
        update(IdempotencyKey)
        .where(col(IdempotencyKey.scope) == scope, col(IdempotencyKey.key) == key)
        .values(status=answer.status, headers=dict(answer.headers), body=answer.body)
    )


async def forget_expired(session: AsyncSession) -> None:
    """Drop keys past their day."""
    await session.execute(
        delete(IdempotencyKey).where(col(IdempotencyKey.expires_at) < clock.now())
    )
