"""What can go wrong with callbacks.

webhook_not_found       404  there is none, or it belongs to an organisation one does not run
webhook_events_unknown  422  an event that we never tell of
webhook_url_refused     422  an address that this instance never calls
webhooks_full           409  an organisation has as many as it may
webhook_off             409  a switched-off callback is not tried
"""

from app.errors import ConflictError, FieldError, InvalidError, NotFoundError


def webhook_not_found() -> NotFoundError:
    return NotFoundError("webhook_not_found")


def webhook_events_unknown() -> InvalidError:
    return InvalidError("webhook_events_unknown", errors=[FieldError("/events", "invalid")])


def webhook_url_refused() -> InvalidError:
    return InvalidError("webhook_url_refused", errors=[FieldError("/url", "invalid")])


def webhooks_full(limit: int) -> ConflictError:
    return ConflictError("webhooks_full", limit=limit)


def webhook_off() -> ConflictError:
    return ConflictError("webhook_off")
