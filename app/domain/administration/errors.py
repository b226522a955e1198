"""What can go wrong when running the instance.

job_not_found        404  there is none, or it is somebody else's
import_file_missing  422  the request carries no file
job_over             409  it has ended: there is nothing to stop
registrations_limited 429  very many new accounts from one network within a day
policy_too_long      422  longer than anybody reads
jobs_waiting         429  as many jobs of one person wait as may
"""

from app.errors import ConflictError, FieldError, InvalidError, LimitedError, NotFoundError


def job_not_found() -> NotFoundError:
    return NotFoundError("job_not_found")


def import_file_missing() -> InvalidError:
    return InvalidError("import_file_missing", errors=[FieldError("/file", "missing")])


def job_over() -> ConflictError:
    return ConflictError("job_over")


def registrations_limited() -> LimitedError:
    return LimitedError("registrations_limited", retry_after_seconds=3600)


def jobs_waiting(limit: int) -> LimitedError:
    return LimitedError("jobs_waiting", retry_after_seconds=30, limit=limit)


def policy_too_long(limit: int) -> InvalidError:
    return InvalidError("policy_too_long", limit=limit)
