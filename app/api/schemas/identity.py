"""Shapes of accounts, sessions and tokens."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints

from app.api.schemas.base import Body, Shape
from app.domain.access import Scope
from app.models.base import Language, Line
from app.models.identity import AccountFields, Email, Handle
from app.models.organisations import MemberRole, OrganisationState

Secret = Annotated[SecretStr, Field(min_length=1, max_length=256)]


class NewAccount(AccountFields):
    """A new account; e-mail is optional, the name may be a pseudonym."""

    password: Secret

    def fields(self) -> AccountFields:
        """Return what is kept openly."""
        return AccountFields(**self.model_dump(include=set(AccountFields.model_fields)))


class SetupInput(Body):
    """The first steward and the instance's name, with the one-time token from the log."""

    token: Annotated[str, StringConstraints(min_length=8, max_length=200)]
    instance_name: Annotated[Line, StringConstraints(min_length=1, max_length=80)]
    handle: Handle
    password: Secret
    language: Language = "en"


class SignInInput(Body):
    """Handle and password."""

    handle: Annotated[str, StringConstraints(min_length=1, max_length=254)]
    password: Secret


class AccountChanges(Body):
    """Changes of one's own account; fields left out stay."""

    display_name: Annotated[Line, StringConstraints(min_length=1, max_length=80)] | None = None
    email: Email | None = None
    language: Language | None = None
    password: Secret | None = None
    current_password: Secret | None = None


class AccountShape(Shape):
    """One's own account."""

    id: UUID
    handle: str
    display_name: str
    email: str | None
    language: str
    steward: bool


class OrganisationBrief(Shape):
    """An organisation by name."""

    id: UUID
    name: str
    slug: str
    state: OrganisationState


class MembershipShape(Shape):
    """One's place in an organisation."""

    organisation: OrganisationBrief
    role: MemberRole
    worker_owner: bool


class Me(Shape):
    """Who is signed in, and where they belong."""

    account: AccountShape
    memberships: list[MembershipShape]


class TokenInput(Body):
    """A new access token for a tool."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=80)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]
    expires_in_days: Annotated[int, Field(ge=1, le=366)] = 90


class TokenShape(Shape):
    """A token, without its secret."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class NewToken(TokenShape):
    """A token with its secret, shown this once."""

    token: str
