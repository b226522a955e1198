"""Why a message is refused: the problem types of the profile (04-federation §4.7).

The sender acts by them, so they are part of the protocol: what is final, what to repeat, when
to stop and ask a human. Types of FEP-c180 where they fit.
"""

from dataclasses import dataclass

from app.federation.wire.context import NAMESPACE

FEP_C180 = "https://w3id.org/fep/c180"
ACCEPT_SIGNATURE = (
    'sig1=("@method" "@target-uri" "content-type" "content-digest")'
    ';created;expires;nonce;alg="ed25519";keyid;tag="ma-fed"'
)


@dataclass(frozen=True)
class Problem:
    """A kind of refusal: its short name, its type address, its status."""

    code: str
    type: str
    status: int


def _ours(code: str, status: int) -> Problem:
    return Problem(code, f"{NAMESPACE}#{code}", status)


def _common(code: str, status: int) -> Problem:
    return Problem(code, f"{FEP_C180}#{code}", status)


UNSUPPORTED_TYPE = _common("unsupported-type", 400)
MALFORMED = _ours("malformed", 400)
PRINCIPAL_MISMATCH = _common("principal-actor-mismatch", 400)
SIGNATURE_INVALID = _ours("signature-invalid", 401)
SIGNATURE_MISSING = _ours("signature-missing", 401)
CLOCK_SKEW = _ours("clock-skew", 401)
NOT_PEER = _ours("not-peer", 403)
PEER_SUSPENDED = _ours("peer-suspended", 403)
KEY_CHANGED = _ours("key-changed", 403)
NOT_AUTHORISED = _common("actor-not-authorized", 403)
OBJECT_MISSING = _common("object-does-not-exist", 404)
OBJECT_GONE = Problem("object-gone", f"{FEP_C180}#object-does-not-exist", 410)
ID_REUSE = _ours("id-reuse", 409)
STATE_CONFLICT = _ours("state-conflict", 409)
TOO_LARGE = _ours("too-large", 413)
CONTENT_ENCODING = _ours("content-encoding", 415)
CONTENT_TYPE = _ours("content-type", 415)
WRONG_HOST = _ours("wrong-host", 421)
RULE = _ours("rule", 422)
RATE_LIMIT = _common("rate-limit-exceeded", 429)

ALL = (
    UNSUPPORTED_TYPE, MALFORMED, PRINCIPAL_MISMATCH, SIGNATURE_INVALID, SIGNATURE_MISSING,
    CLOCK_SKEW, NOT_PEER, PEER_SUSPENDED, KEY_CHANGED, NOT_AUTHORISED, OBJECT_MISSING,
    OBJECT_GONE, ID_REUSE, STATE_CONFLICT, TOO_LARGE, CONTENT_ENCODING, CONTENT_TYPE,
    WRONG_HOST, RULE, RATE_LIMIT,
)  # fmt: skip
BY_TYPE = {problem.type: problem for problem in ALL if problem is not OBJECT_GONE}


class RefusedError(Exception):
    """A message or a request of a peer is refused, and nothing of it is stored.

    `detail` is for our own log: the answer holds the problem's type and nothing that tells
    whether a member or a private need exists.
    """

    def __init__(
        self, problem: Problem, detail: str = "", *, retry_after_seconds: int | None = None
    ) -> None:
        """`retry_after_seconds` goes with a rate limit."""
        super().__init__(f"{problem.code}: {detail}" if detail else problem.code)
        self.problem = problem
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> dict[str, str]:
        """Answer headers that belong to the refusal."""
        if self.problem is SIGNATURE_MISSING:
            return {"Accept-Signature": ACCEPT_SIGNATURE}
        if self.retry_after_seconds is not None:
            return {"Retry-After": str(self.retry_after_seconds)}
        return {}
