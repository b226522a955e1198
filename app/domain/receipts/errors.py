"""What can go wrong with receipts.

receipt_not_found     404  not there, or not for the asker to know
receipt_revoked       410  its issuer no longer stands by it
receipt_code_invalid  422  a code that we did not give, or not to this person, or too long ago
receipt_id_reuse      409  another document under the id of one that we hold
receipt_stays         409  only what one has brought oneself can be removed
receipt_refused       422  the file does not verify; `reason` names why
"""

from app.errors import ConflictError, GoneError, InvalidError, NotFoundError


def receipt_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("receipt_not_found")


def receipt_revoked() -> GoneError:
    """410: its issuer no longer stands by it."""
    return GoneError("receipt_revoked")


def receipt_code_invalid() -> InvalidError:
    """422: not a code that we gave to this person, or one that was used or is too old."""
    return InvalidError("receipt_code_invalid")


def receipt_id_reuse() -> ConflictError:
    """409: the same id has stood for another document."""
    return ConflictError("receipt_id_reuse")


def receipt_stays() -> ConflictError:
    """409: what was confirmed here or sent by a peer is kept."""
    return ConflictError("receipt_stays")


def receipt_refused(code: str, detail: str = "") -> InvalidError:
    """422: the file does not show what it should; each reason has a sentence of its own."""
    return InvalidError(f"receipt_{code}", detail=detail)
