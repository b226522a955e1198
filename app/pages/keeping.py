"""What the pages of keeping a book share: who may see them, and forms of several rows."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from app.domain.ledger import keeping
from app.errors import AppError, FieldError
from app.infra.i18n import translate
from app.models.ledger import Book, WorkStream
from app.models.organisations import Organisation
from app.pages.dependencies import Db, Visit
from app.pages.failures import choices, refused
from app.pages.forms import Form, Problem

ROWS, MORE_ROWS, ROWS_MAX = 3, 5, 60
NOT_SHOWN_AGAIN = frozenset({401, 403, 404})


async def keep(db: Db, visit: Visit, book_id: UUID) -> dict[str, Any]:
    """Return what every page of keeping shows; only to those who keep the book."""
    book = await keeping.book_to_keep(db, visit.actor, book_id)
    return await values_of(db, visit, book)


async def values_of(db: Db, visit: Visit, book: Book) -> dict[str, Any]:
    """Return what pages about a book show, whoever may see it."""
    return {
        "book": book,
        "organisation": await db.get_one(Organisation, book.organisation_id),
        "handles": await keeping.handles_of(db, book),
        "streams": choices(
            visit.language, "ledger.stream", [stream.value for stream in WorkStream]
        ),
    }


def rows_of(form: Form) -> int:
    """Return how many rows a form has: what was typed stays, and more are there when asked for."""
    written = [_count(name.rpartition("-")[2]) + 1 for name in form.sent if "-" in name]
    more = MORE_ROWS if form.value("act") == "more" else 0
    return min(max([ROWS, _count(form.value("rows")), *written]) + more, ROWS_MAX)


def _count(said: str) -> int:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 4 else 0


def with_row_faults(
    form: Form, language: str, error: AppError, fields: Mapping[str, str], row: str
) -> Form:
    """Return the form with each fault at its field.

    `fields` says by the pointer of a fault which field it is; where it is one of a row, the list
    of all faults says by `row` in which one. What has no field here is said above the form.
    """
    found = [_problem(fault, language, fields, row) for fault in error.errors]
    return (
        Form(form.sent, list(dict.fromkeys(found)), form.file)
        if found
        else refused(form, language, error)
    )


def _problem(fault: FieldError, language: str, fields: Mapping[str, str], row: str) -> Problem:
    words = translate(language, f"error.field.{fault.code}", **fault.params)
    name = fields.get(fault.pointer)
    number = (name or "").rpartition("-")[2] or fault.pointer.strip("/").partition("/")[2]
    number = number.partition("/")[0]
    if not (number.isascii() and number.isdigit()):
        return Problem(name or fault.pointer.strip("/"), words)
    return Problem(name, words, translate(language, row, number=int(number) + 1, fault=words))


def pointers(group: str, rows: Iterable[int], names: Mapping[str, str]) -> dict[str, str]:
    """Return by pointer into a list that was sent which field of which row it is."""
    return {
        f"/{group}/{place}/{part}": f"{field}-{number}"
        for place, number in enumerate(rows)
        for part, field in names.items()
    }
