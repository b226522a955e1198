"""The errors every layer may raise, as a small tree with a safe face.

AppError                kind, code, safe parameters for the person, detail for the log only
├── NotFoundError       404  it is not there, or not yours to see
├── ForbiddenError      403  you may see it but not do this
├── UnauthenticatedError 401 sign in first
├── ConflictError       409  the state does not allow it
├── InvalidError        422  what was sent is not acceptable
├── MalformedError      400  what was sent cannot be read
├── GoneError           410  it was here and is withdrawn
├── LimitedError        429  too much, try later
├── PreconditionError   412/428 somebody changed it meanwhile, or If-Match is missing
├── TooLargeError       413  more than we read
├── UnsupportedError    415  a media type we do not read
├── UpstreamError       502  another server did not answer as it should
└── UnavailableError    503  a part of this instance is not ready

`code` is stable and for programs; the text for people is the catalogue entry
`error.<code>` in their language, filled with `params`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One thing wrong at one place: a JSON pointer, a stable code, the text's parameters."""

    pointer: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


class AppError(Exception):
    """A failure with a safe face: what the person may know apart from what the log may know."""

    kind: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    # Whether what was written before the refusal stays (a counted failure) or is rolled back.
    keeps_effects: bool = False

    def __init__(
        self,
        code: str,
        *,
        detail: str = "",
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> None:
        """`detail` is for the log, `params` fill the person's text, `extra` joins the answer."""
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.params = params
        self.extra = dict(extra or {})

    @property
    def headers(self) -> dict[str, str]:
        """Answer headers that belong to this error."""
        return {}


class NotFoundError(AppError):
    """404: not there, or not for the asker to know."""

    kind = "not_found"
    status = 404


class ForbiddenError(AppError):
    """403: visible, but not allowed."""

    kind = "forbidden"
    status = 403


class UnauthenticatedError(AppError):
    """401: nobody is signed in, or the credentials do not hold."""

    kind = "unauthenticated"
    status = 401


class ConflictError(AppError):
    """409: the present state does not allow this."""

    kind = "conflict"
    status = 409


class InvalidError(AppError):
    """422: readable, but not acceptable."""

    kind = "invalid"
    status = 422


class MalformedError(AppError):
    """400: not readable."""

    kind = "malformed"
    status = 400


class GoneError(AppError):
    """410: it was here and is withdrawn."""

    kind = "gone"
    status = 410


class LimitedError(AppError):
    """429: too much at once; `retry_after_seconds` says when to try again."""

    kind = "limited"
    status = 429

    def __init__(self, code: str, *, retry_after_seconds: int = 60, **kwargs: Any) -> None:
        """As AppError, with the seconds to wait."""
        super().__init__(code, seconds=retry_after_seconds, **kwargs)
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 Retry-After."""
        return {"Retry-After": str(self.retry_after_seconds)}


class StaleError(AppError):
    """412: If-Match names an older version."""

    kind = "stale"
    status = 412


class PreconditionRequiredError(AppError):
    """428: this change needs If-Match."""

    kind = "precondition_required"
    status = 428


class TooLargeError(AppError):
    """413: more bytes than this instance reads."""

    kind = "too_large"
    status = 413


class UnsupportedError(AppError):
    """415: a media type this instance does not read here."""

    kind = "unsupported"
    status = 415


class MisdirectedError(AppError):
    """421: this host name is not ours."""

    kind = "misdirected"
    status = 421


class UpstreamError(AppError):
    """502: another server did not answer as it should."""

    kind = "upstream"
    status = 502


class UnavailableError(AppError):
    """503: a part this instance needs is not ready."""

    kind = "unavailable"
    status = 503

    @property
    def headers(self) -> dict[str, str]:
        """RFC 9110 Retry-After: databases restart within seconds."""
        return {"Retry-After": "5"}


def transition_impossible(state: str, to: str, possible: Sequence[str]) -> ConflictError:
    """409: not from this state, or not by this side; says which moves are possible."""
    extra = {"state": state, "possible": list(possible)}
    return ConflictError("transition_impossible", extra=extra, state=state, to=to)


def reason_required() -> InvalidError:
    """422: this move wants a reason."""
    return InvalidError("reason_required", errors=[FieldError("/reason", "missing")])


def kind_of(status: int) -> str:
    """Return the kind of refusal that a status of HTTP tells of."""
    kinds = {each.status: each.kind for each in AppError.__subclasses__()}
    return kinds.get(status, "malformed")
