"""Writing accounts, sessions and tokens."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.identity import errors, proofs, queries
from app.domain.identity.rules import (
    FAILURE_WINDOW,
    PROOF_LINK,
    PROOF_LINK_LIFE,
    SESSION_ABSOLUTE,
    TOKEN_DAYS_MAX,
    TOKEN_PREFIX,
    password_weakness,
    secret_hash,
)
from app.domain.letters.actions import issue_link, open_link, revoke_links, use_link, write_letter
from app.domain.letters.rules import Draft
from app.errors import ForbiddenError, InvalidError, LimitedError, NotFoundError
from app.infra import clock, ids
from app.infra.i18n import DEFAULT_LANGUAGE, LANGUAGES
from app.infra.passwords import hash_password, verify_password
from app.models.identity import (
    AccessToken,
    Account,
    AccountFields,
    Session,
    SetupToken,
    SignInFailure,
)

# One name's tries are judged one after the other.
LOCK_TRIES = text("SELECT pg_advisory_xact_lock(hashtextextended('sign-in:' || :name, 0))")


async def offer_setup(session: AsyncSession) -> str | None:
    """Make a new one-time set-up secret while nobody has an account; older ones die."""
    if not await queries.needs_setup(session):
        return None
    secret = ids.secret_token()
    await session.execute(delete(SetupToken))
    session.add(SetupToken(token_hash=secret_hash(secret)))
    await session.flush()  # so that the row is there before the link is logged
    return secret


async def set_up(
    session: AsyncSession, token: str, fields: AccountFields, password: str, minimum: int
) -> Account:
    """Make the first steward with the one-time secret; two racing people cannot both do it."""
    used = await session.execute(
        update(SetupToken)
        .where(col(SetupToken.token_hash) == secret_hash(token), col(SetupToken.used_at).is_(None))
        .values(used_at=clock.now())
        .returning(col(SetupToken.token_hash))
    )
    if used.first() is None:
        raise errors.setup_token_wrong()
    if not await queries.needs_setup(session):
        raise errors.setup_done()
    return await _make_account(session, fields, password, minimum, steward=True)


async def register(
    session: AsyncSession, fields: AccountFields, password: str, minimum: int
) -> Account:
    """Make an account; the instance must have been set up."""
    if await queries.needs_setup(session):
        raise ForbiddenError("setup_first")
    return await _make_account(session, fields, password, minimum, steward=False)


async def _make_account(
    session: AsyncSession, fields: AccountFields, password: str, minimum: int, *, steward: bool
) -> Account:
    check_password(password, fields.handle, minimum)
    account = Account(
        id=ids.private_id(),
        handle=fields.handle,
        display_name=fields.display_name or fields.handle,
        email=fields.email,
        language=fields.language,
        password_hash=await hash_password(password),
        steward=steward,
    )
    session.add(account)
    await _flush_unique(session)
    await ask_for_proof(session, account, told=False)
    record(session, Actor(account_id=account.id), "account.created", account.id)
    return account


async def ask_for_proof(session: AsyncSession, account: Account, *, told: bool = True) -> None:
    """Ask by mail whether an address is theirs who gave it: until then it gets nothing else.

    An account is sent few such letters a day, and so is an address, whoever names it. Where that
    is not `told`, there is no letter: a new account would learn who else has its address.
    """
    if account.email is None or account.email_proven_at is not None:
        return
    key = await proofs.free_key(session, account.id, account.email)
    if key is None and told:
        raise errors.proofs_limited()
    if key is None:
        return
    await revoke_links(session, PROOF_LINK, account.id)
    token = await issue_link(session, PROOF_LINK, account.id, PROOF_LINK_LIFE)
    values = {"link": f"/email/{token}", "handle": account.handle}
    letter = _own_letter(account, account.email, proofs.TEMPLATE, values)
    await write_letter(session, replace(letter, key=key))


async def check_proof(session: AsyncSession, token: str) -> None:
    """Refuse a link that proves nothing (any more), without using it up."""
    await open_link(session, PROOF_LINK, token)


async def prove_email(session: AsyncSession, token: str) -> None:
    """Note that the address of an account is its owner's: the mailed link was used."""
    account = await queries.get_account(session, await use_link(session, PROOF_LINK, token))
    account.email_proven_at = clock.now()


async def change_email(
    session: AsyncSession, actor: Actor, email: str | None, password: str, tries: int
) -> None:
    """Change one's address: with the password, and the one left behind is told."""
    account = await queries.get_account(session, actor.require_session())
    if email == account.email:
        return
    await check_password_again(session, account, password, tries)
    before, proven = account.email, account.email_proven_at
    account.email, account.email_proven_at = email, None
    await revoke_links(session, PROOF_LINK, account.id)
    if before is not None and proven is not None:
        values = {"handle": account.handle}
        await write_letter(session, _own_letter(account, before, "email_changed", values))
    await ask_for_proof(session, account)


def _own_letter(account: Account, address: str, template: str, values: dict[str, str]) -> Draft:
    return Draft(
        address=address,
        template=template,
        values=values,
        language=account.language,
        list_name="account",
        account_id=account.id,
    )


async def check_password_again(
    session: AsyncSession, account: Account, password: str, tries: int
) -> None:
    """Let only the owner of an open browser pass.

    Wrong tries are counted apart from signing in: who found an open browser can neither guess
    on here nor lock its owner out, nor does whoever tries to sign in, whatever they type.
    """
    name = queries.tries_of("change", str(account.id))
    await _check_tries(session, name, tries)
    fits = await verify_password(password, account.password_hash)
    await _judge_try(session, name, tries, fits=fits)


async def add_silent_account(
    session: AsyncSession, name: str, language: str, *, prefix: str = "ask"
) -> Account:
    """Make an account that nobody can sign in with: it stands for somebody without one.

    What is done by a mailed link is then done by somebody, in every history and in the ledger.
    """
    account = Account(
        id=ids.private_id(),
        handle=f"{prefix}-{ids.private_id().hex[:10]}",
        display_name=name[:80],
        language=language if language in LANGUAGES else DEFAULT_LANGUAGE,
        # The hash of a secret that is thrown away here: no password fits.
        password_hash=await hash_password(ids.secret_token()),
        silent=True,
    )
    session.add(account)
    await session.flush()
    return account


async def take_over(
    session: AsyncSession, account_id: UUID, fields: AccountFields, password: str, minimum: int
) -> Account:
    """Give a silent account to the person for whom it stood."""
    check_password(password, fields.handle, minimum)
    account = await queries.get_account(session, account_id)
    account.silent = False
    account.handle = fields.handle
    account.display_name = fields.display_name or fields.handle
    account.email = fields.email
    account.language = fields.language
    account.password_hash = await hash_password(password)
    await _flush_unique(session)
    await ask_for_proof(session, account, told=False)
    record(session, Actor(account_id=account.id), "account.created", account.id)
    return account


async def close_silent_account(session: AsyncSession, account_id: UUID) -> None:
    """End an account that stood for somebody: its name is forgotten, what it did stays."""
    account = await queries.get_account(session, account_id)
    account.display_name = account.handle
    account.disabled_at = account.disabled_at or clock.now()


def check_password(password: str, handle: str, minimum: int) -> None:
    """Refuse a password that would be guessed."""
    weakness = password_weakness(password, handle, minimum)
    if weakness is not None:
        raise errors.password_weak(weakness, minimum)


async def _flush_unique(session: AsyncSession) -> None:
    """Flush now, so that a taken handle is told as such."""
    try:
        await session.flush()
    except IntegrityError:
        raise errors.handle_taken() from None


async def sign_in(
    session: AsyncSession, handle: str, password: str, attempts_per_hour: int
) -> Account:
    """Return the account when handle and password fit; count the failure otherwise."""
    name = queries.tries_of("sign in", handle)
    await _check_tries(session, name, attempts_per_hour)
    account = await queries.account_by_handle(session, handle)
    alive = account is not None and account.disabled_at is None
    fits = await verify_password(password, account.password_hash if account and alive else None)
    await _judge_try(session, name, attempts_per_hour, fits=fits)
    if account is None:  # what does not exist never fits
        raise errors.credentials_wrong()
    return account


async def _check_tries(session: AsyncSession, name: bytes, attempts_per_hour: int) -> None:
    if await queries.failures_within_hour(session, name) >= attempts_per_hour:
        raise LimitedError(
            "sign_in_limited", retry_after_seconds=int(FAILURE_WINDOW.total_seconds() / 4)
        )


async def _judge_try(
    session: AsyncSession, name: bytes, attempts_per_hour: int, *, fits: bool
) -> None:
    """Let a right password pass and count a wrong one, many at once one after the other.

    The lock is taken after the slow part: guesses sent together would all see a count from
    before, and a crowd that waits with a connection each would stop everybody else.
    """
    await session.execute(LOCK_TRIES, {"name": name.hex()})
    await _check_tries(session, name, attempts_per_hour)
    if not fits:
        session.add(SignInFailure(id=ids.private_id(), key=name))
        raise errors.credentials_wrong()


async def open_session(
    session: AsyncSession, account_id: UUID, *, instead_of: str | None = None
) -> str:
    """Open a session and return its secret, for the cookie; only its hash is stored.

    `instead_of` is the secret that the browser held until now: it is worth nothing afterwards.
    """
    if instead_of is not None:
        await close_session(session, instead_of)
    secret = ids.secret_token()
    now = clock.now()
    session.add(
        Session(
            token_hash=secret_hash(secret),
            account_id=account_id,
            created_at=now,
            seen_at=now,
            expires_at=now + SESSION_ABSOLUTE,
        )
    )
    await session.flush()  # the next query of this request may ask who is signed in
    return secret


async def close_session(session: AsyncSession, secret: str) -> None:
    """End the session of this secret."""
    await session.execute(delete(Session).where(col(Session.token_hash) == secret_hash(secret)))


async def end_sessions(session: AsyncSession, account_id: UUID) -> None:
    """Sign an account out wherever it is signed in."""
    await session.execute(delete(Session).where(col(Session.account_id) == account_id))


async def change_account(
    session: AsyncSession, actor: Actor, changes: AccountFields, names: frozenset[str]
) -> Account:
    """Change the named fields of one's own account."""
    account = await queries.get_account(session, actor.signed_in())
    for name in names & {"display_name", "language"}:
        setattr(account, name, getattr(changes, name))
    return account


async def create_token(
    session: AsyncSession, actor: Actor, name: str, scopes: frozenset[Scope], days: int
) -> tuple[AccessToken, str]:
    """Make a token for a tool and return it with its secret, shown this once."""
    account_id = actor.require_session()  # a token must not make itself a stronger one
    if not scopes:
        raise InvalidError("scopes_missing")
    secret = TOKEN_PREFIX + ids.secret_token()
    token = AccessToken(
        id=ids.private_id(),
        account_id=account_id,
        name=name,
        token_hash=secret_hash(secret),
        scopes=sorted(scopes),
        expires_at=clock.now() + timedelta(days=min(days, TOKEN_DAYS_MAX)),
    )
    session.add(token)
    record(session, actor, "token.created", token.id)
    return token, secret


async def revoke_token(session: AsyncSession, actor: Actor, token_id: UUID) -> None:
    """End one of one's own tokens."""
    token = await session.get(AccessToken, token_id)
    if token is None or token.account_id != actor.signed_in() or token.revoked_at is not None:
        raise NotFoundError("token_not_found")
    token.revoked_at = clock.now()
    record(session, actor, "token.revoked", token.id)


async def make_steward(session: AsyncSession, handle: str, *, steward: bool) -> Account:
    """Give or take the steward's role (command line)."""
    account = await queries.account_by_handle(session, handle)
    if account is None:
        raise NotFoundError("account_not_found")
    account.steward = steward
    verb = "account.promoted" if steward else "account.demoted"
    record(session, Actor(system=True), verb, account.id)
    return account


async def forget_expired(session: AsyncSession) -> None:
    """Drop sessions past their end and failures past their hour."""
    now = clock.now()
    await session.execute(delete(Session).where(col(Session.expires_at) < now))
    await session.execute(delete(SignInFailure).where(col(SignInFailure.at) < now - FAILURE_WINDOW))
