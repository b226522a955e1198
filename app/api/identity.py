"""Set-up, accounts, sessions and tokens."""

from uuid import UUID

from fastapi import APIRouter, Request, Response, status

from app.api.dependencies import (
    Caller,
    Configuration,
    Db,
    InPerson,
    SignedIn,
    check_same_origin,
    cookie_name,
    network_of,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.identity import (
    AccountChanges,
    Me,
    NewAccount,
    NewToken,
    SetupInput,
    SignInInput,
    TokenInput,
    TokenShape,
)
from app.domain.administration import actions as administration
from app.domain.identity import actions, passwords, queries
from app.domain.organisations import queries as organisations
from app.errors import ForbiddenError, InvalidError, UnauthenticatedError
from app.models.identity import Account, AccountFields

router = APIRouter(route_class=StrictRoute, tags=["identity"])


@router.post("/setup", status_code=status.HTTP_201_CREATED, operation_id="set_up_instance")
async def set_up_instance(
    body: SetupInput, request: Request, response: Response, db: Db, settings: Configuration
) -> Me:
    """Make the first steward with the one-time token from the log."""
    check_same_origin(request, settings)
    account = await actions.set_up(
        db,
        body.token,
        AccountFields(handle=body.handle, language=body.language),
        body.password.get_secret_value(),
        settings.password_min_length,
    )
    await administration.name_instance(db, body.instance_name)
    return await _enter(db, request, response, settings, account)


@router.post("/accounts", status_code=status.HTTP_201_CREATED, operation_id="create_account")
async def create_account(
    body: NewAccount, request: Request, response: Response, db: Db, settings: Configuration
) -> Me:
    """Make an account and sign in; a handle and a password are enough."""
    check_same_origin(request, settings)
    if not settings.registration_open:
        raise ForbiddenError("registration_closed")
    await administration.admit(
        db, network_of(request, settings), settings.registrations_per_network
    )
    account = await actions.register(
        db, body.fields(), body.password.get_secret_value(), settings.password_min_length
    )
    return await _enter(db, request, response, settings, account)


@router.post("/sessions", status_code=status.HTTP_201_CREATED, operation_id="sign_in")
async def sign_in(
    body: SignInInput, request: Request, response: Response, db: Db, settings: Configuration
) -> Me:
    """Sign in; the session is a cookie that scripts cannot read."""
    check_same_origin(request, settings)
    account = await actions.sign_in(
        db, body.handle, body.password.get_secret_value(), settings.sign_in_attempts_per_hour
    )
    return await _enter(db, request, response, settings, account)


@router.get("/sessions/current", operation_id="get_session")
async def get_session(actor: Caller, db: Db) -> Me:
    """Say who is signed in; 401 when nobody is."""
    return await _me(db, actor.signed_in())


@router.delete("/sessions/current", status_code=status.HTTP_204_NO_CONTENT, operation_id="sign_out")
async def sign_out(
    actor: SignedIn, request: Request, response: Response, db: Db, settings: Configuration
) -> None:
    """End this session."""
    secret = request.cookies.get(cookie_name(settings))
    if secret is None or actor.scopes is not None:
        raise UnauthenticatedError("sign_in_required")
    await actions.close_session(db, secret)
    response.delete_cookie(
        cookie_name(settings), path="/", secure=settings.secure, httponly=True, samesite="lax"
    )


@router.get("/me", operation_id="get_me")
async def get_me(actor: SignedIn, db: Db) -> Me:
    """Return one's own account and memberships."""
    return await _me(db, actor.signed_in())


@router.patch("/me", operation_id="change_me")
async def change_me(
    body: AccountChanges,
    actor: InPerson,
    request: Request,
    response: Response,
    db: Db,
    settings: Configuration,
) -> Me:
    """Change one's account.

    A new password needs the current one and ends all sessions; a new address needs it too, and
    one of the two is changed at a time.
    """
    account_id = actor.signed_in()
    if body.password is not None and "email" in body.model_fields_set:
        raise InvalidError("one_at_a_time")
    if body.password is not None:
        # First: a wrong one is counted, and what is counted is kept with all that came before.
        current = body.current_password.get_secret_value() if body.current_password else ""
        both = (current, body.password.get_secret_value())
        tries = settings.sign_in_attempts_per_hour
        minimum = settings.password_min_length
        await passwords.change_password(db, actor, both, minimum, tries)
    elif "email" in body.model_fields_set:
        current = body.current_password.get_secret_value() if body.current_password else ""
        tries = settings.sign_in_attempts_per_hour
        await actions.change_email(db, actor, body.email, current, tries)
    before = await queries.get_account(db, account_id)
    said = body.model_dump(exclude_unset=True, include={"display_name", "language"})
    given = {name: value for name, value in said.items() if value}
    changes = AccountFields(handle=before.handle, **given)
    account = await actions.change_account(db, actor, changes, frozenset(given))
    if body.password is not None:
        return await _enter(db, request, response, settings, account)
    return await _me(db, account_id)


@router.get("/me/tokens", operation_id="list_tokens")
async def list_tokens(actor: InPerson, db: Db) -> Listing[TokenShape]:
    """List one's tokens; their secrets are not kept."""
    tokens = await queries.tokens_of(db, actor.signed_in())
    return Listing(items=[TokenShape.model_validate(token) for token in tokens])


@router.post("/me/tokens", status_code=status.HTTP_201_CREATED, operation_id="create_token")
async def create_token(body: TokenInput, actor: InPerson, db: Db) -> NewToken:
    """Make a token for a tool; its secret is in this answer only."""
    token, secret = await actions.create_token(
        db, actor, body.name, frozenset(body.scopes), body.expires_in_days
    )
    return NewToken(token=secret, **TokenShape.model_validate(token).model_dump())


@router.delete(
    "/me/tokens/{token_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="revoke_token",
)
async def revoke_token(token_id: UUID, actor: InPerson, db: Db) -> None:
    """End a token at once."""
    await actions.revoke_token(db, actor, token_id)


async def _enter(
    db: Db, request: Request, response: Response, settings: Configuration, account: Account
) -> Me:
    before = request.cookies.get(cookie_name(settings))
    secret = await actions.open_session(db, account.id, instead_of=before)
    set_session_cookie(response, settings, secret)
    return await _me(db, account.id)


def set_session_cookie(response: Response, settings: Configuration, secret: str) -> None:
    """Write the session cookie."""
    response.set_cookie(
        cookie_name(settings),
        secret,
        max_age=30 * 24 * 3600,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )


async def _me(db: Db, account_id: UUID) -> Me:
    account = await queries.get_account(db, account_id)
    memberships = await organisations.memberships_of(db, account_id)
    return Me.model_validate(
        {
            "account": account,
            "memberships": [
                {"organisation": organisation, "role": m.role, "worker_owner": m.worker_owner}
                for m, organisation in memberships
            ],
        },
        from_attributes=True,
    )
