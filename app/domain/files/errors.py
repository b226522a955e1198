"""What can go wrong with files.

NotFoundError
└── file_not_found       not there, or not for the asker to know
InvalidError
├── file_missing         no file came, or an empty one
└── picture_unreadable   it says that it is a picture, and cannot be read as one
UnsupportedError
└── file_kind_refused    nothing that we take, or not what its name says
TooLargeError
├── file_too_large       more bytes than one file may have
└── picture_too_large    more pixels, or more work, than one picture may be
ConflictError
├── file_quota_account       the uploader's room is used up
├── file_quota_organisation  the organisation's is
└── file_quota_instance      everybody's is
"""

from app.errors import (
    ConflictError,
    FieldError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnsupportedError,
)


def file_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("file_not_found")


def file_missing() -> InvalidError:
    """422: no file came, or an empty one."""
    return InvalidError("file_missing", errors=[FieldError("/file", "file_missing")])


def file_kind_refused() -> UnsupportedError:
    """415: says what we take."""
    return UnsupportedError("file_kind_refused", errors=[FieldError("/file", "file_kind_refused")])


def file_too_large(limit: int) -> TooLargeError:
    """413: with what one file may have."""
    return TooLargeError("file_too_large", megabytes=limit // 1_000_000)


def quota_reached(whose: str, limit: int) -> ConflictError:
    """409: whose room is used up, and how much it is."""
    return ConflictError(f"file_quota_{whose}", megabytes=limit // 1_000_000)
