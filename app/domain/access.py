"""Who is asking. Every verb takes an Actor and decides by it; nothing below knows of requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.errors import ConflictError, ForbiddenError, UnauthenticatedError


class Scope(StrEnum):
    """What an access token may be used for; a signed-in person has all that their roles allow."""

    NEEDS_READ = "needs:read"
    NEEDS_WRITE = "needs:write"
    CLAIMS_READ = "claims:read"
    CLAIMS_WRITE = "claims:write"
    LEDGER_READ = "ledger:read"
    ORGANISATIONS_WRITE = "organisations:write"
    PROFILE_WRITE = "profile:write"
    PEERS_WRITE = "peers:write"
    ADMIN = "admin"


@dataclass(frozen=True)
class Actor:
    """A person, a tool with a person's token, the system itself, or nobody in particular.

    `scopes` is None where everything the person may do is allowed (a session, the system).
    """

    account_id: UUID | None = None
    handle: str = ""
    steward: bool = False
    language: str | None = None
    scopes: frozenset[str] | None = None
    request_id: str | None = None
    system: bool = False
    # The stewards let this person read everything and write nothing; why, in their words.
    limited: bool = False
    standing_reason: str = ""

    def allows(self, scope: Scope) -> bool:
        """Say whether the credentials reach this far; roles are another question."""
        return self.scopes is None or scope in self.scopes

    def signed_in(self) -> UUID:
        """Return the account id, or ask to sign in."""
        if self.account_id is None:
            raise UnauthenticatedError("sign_in_required")
        return self.account_id

    def require(self, scope: Scope) -> UUID:
        """Return the account id when signed in with credentials of this scope."""
        account_id = self.signed_in()
        if not self.allows(scope):
            raise ForbiddenError("scope_missing", scope=scope.value)
        return account_id

    def require_session(self) -> UUID:
        """Return the account id of a person at their browser; tools cannot do this, ever."""
        account_id = self.signed_in()
        if self.scopes is not None:
            raise ForbiddenError("session_required")
        return account_id

    def require_unlimited(self) -> None:
        """Refuse to write for somebody whom the stewards limited; the edges ask, once for all."""
        if self.limited:
            raise ForbiddenError("account_limited", reason=self.standing_reason)

    @property
    def acts_as_steward(self) -> bool:
        """Say whether a steward (or the system) asks; a steward's tool only with that scope."""
        return self.steward and self.allows(Scope.ADMIN)

    def require_steward(self) -> None:
        """Let only stewards (and the system) pass."""
        if self.system:
            return
        self.signed_in()
        if not self.acts_as_steward:
            raise ForbiddenError("steward_required")

    def within(self, request_id: str) -> "Actor":
        """Return the same actor, bound to a request."""
        return replace(self, request_id=request_id)


ANONYMOUS = Actor(scopes=frozenset({Scope.NEEDS_READ}))
SYSTEM = Actor(system=True, steward=True)


@dataclass(frozen=True)
class Allowed:
    """A policy's yes."""


@dataclass(frozen=True)
class Denied:
    """A policy's no: the code of the reason, told to the person as `error.<code>`.

    `conflict` where the state of things is in the way, not the person; `params` fill the text.
    """

    code: str
    conflict: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)


Decision = Allowed | Denied
ALLOWED = Allowed()


def enforce(decision: Decision) -> None:
    """Turn a policy's no into the refusal that the edges answer."""
    if isinstance(decision, Denied):
        raise (ConflictError if decision.conflict else ForbiddenError)(
            decision.code, **decision.params
        )
