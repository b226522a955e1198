"""Reading accounts, sessions and tokens."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.identity.rules import (
    FAILURE_WINDOW,
    SESSION_SEEN_EVERY,
    TOKEN_PREFIX,
    secret_hash,
    session_alive,
)
from app.errors import NotFoundError, UnauthenticatedError
from app.infra import clock
from app.models.identity import AccessToken, Account, Session, SignInFailure


async def needs_setup(session: AsyncSession) -> bool:
    """Say whether nobody has an account yet."""
    return (await session.exec(select(Account.id).limit(1))).first() is None


async def actor_of_session(session: AsyncSession, secret: str) -> Actor | None:
    """Return who holds this session cookie; None when it is not, or no longer, a session."""
    found = await session.get(Session, secret_hash(secret))
    now = clock.now()
    if found is None or not session_alive(found.seen_at, found.expires_at, now):
        return None
    account = await session.get(Account, found.account_id)
    if account is None or account.disabled_at is not None:
        return None
    if now - found.seen_at > SESSION_SEEN_EVERY:
        found.seen_at = now
    return _actor(account)


async def actor_of_token(session: AsyncSession, token: str) -> Actor:
    """Return who a bearer token stands for, with its scopes."""
    if not token.startswith(TOKEN_PREFIX):
        raise UnauthenticatedError("token_invalid")
    statement = select(AccessToken, Account).where(
        AccessToken.token_hash == secret_hash(token),
        AccessToken.account_id == Account.id,
        col(AccessToken.revoked_at).is_(None),
        col(Account.disabled_at).is_(None),
    )
    row = (await session.exec(statement)).first()
    now = clock.now()
    if row is None or row[0].expires_at <= now:
        raise UnauthenticatedError("token_invalid")
    if row[0].used_at is None or now - row[0].used_at > SESSION_SEEN_EVERY:
        row[0].used_at = now
    return _actor(row[1], frozenset(row[0].scopes))


def _actor(account: Account, scopes: frozenset[str] | None = None) -> Actor:
    return Actor(
        account_id=account.id,
        handle=account.handle,
        steward=account.steward,
        language=account.language,
        scopes=scopes,
        limited=account.limited_at is not None,
        standing_reason=account.standing_reason if account.limited_at is not None else "",
    )


async def account_by_handle(session: AsyncSession, handle: str) -> Account | None:
    """Find an account by its handle, whatever the case."""
    statement = select(Account).where(func.lower(Account.handle) == handle.lower())
    return (await session.exec(statement)).first()


async def get_account(session: AsyncSession, account_id: UUID) -> Account:
    """Return an account that must exist."""
    account = await session.get(Account, account_id)
    if account is None:
        raise NotFoundError("account_not_found")
    return account


async def accounts_by_id(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Account]:
    """Return accounts by id, for naming the people in a list."""
    if not ids:
        return {}
    found = await session.exec(select(Account).where(col(Account.id).in_(set(ids))))
    return {account.id: account for account in found}


async def tokens_of(session: AsyncSession, account_id: UUID) -> Sequence[AccessToken]:
    """List a person's tokens that are not revoked, newest first."""
    statement = (
        select(AccessToken)
        .where(AccessToken.account_id == account_id, col(AccessToken.revoked_at).is_(None))
        .order_by(col(AccessToken.created_at).desc())
    )
    return (await session.exec(statement)).all()


def tries_of(what: str, whose: str) -> bytes:
    """Return the name under which wrong passwords are counted.

    `what` is a word of ours and stands before what anybody may have typed: no two of them meet.
    """
    return secret_hash(f"{what}\n{whose.lower()}")


async def failures_within_hour(session: AsyncSession, name: bytes) -> int:
    """Count wrong passwords under a name that `tries_of` gives, of an account or of nobody."""
    statement = (
        select(func.count())
        .select_from(SignInFailure)
        .where(
            SignInFailure.key == name,
            col(SignInFailure.at) > clock.now() - FAILURE_WINDOW,
        )
    )
    return (await session.exec(statement)).one()
