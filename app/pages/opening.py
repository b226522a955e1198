"""The opening of a book as a page: written by one person, read and entered by another."""

from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.responses import Response

from app.domain.ledger import batches, keeping, opening
from app.domain.ledger.opening import OpeningView
from app.errors import AppError, FieldError
from app.infra.typed import read_minutes, read_money, write_minutes, write_money
from app.models.ledger import OpeningCapital, OpeningFields, OpeningMinutes
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.figures import amount_fault, amount_words, time_fault
from app.pages.forms import Form
from app.pages.keeping import keep, pointers, rows_of, with_row_faults
from app.pages.rendering import render

DAY: TypeAdapter[date] = TypeAdapter(date)

router = APIRouter(route_class=PageRoute)


@router.get("/books/{book_id:uuid}/opening")
async def show_opening(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show what was there before the book, and the form for it while nobody has confirmed it."""
    return await _render(db, visit, book_id, None)


async def _render(
    db: Db, visit: Visit, book_id: UUID, form: Form | None, status: int = 200
) -> Response:
    kept = await keep(db, visit, book_id)
    try:
        view = await opening.opening_of(db, visit.actor, book_id)
    except AppError:
        view = None
    shown = form or (_form_of(view, visit.language) if view else Form())
    batch = str(view.opening.batch_id) if view else ""
    return await render(
        visit.page,
        "book_opening.html",
        status=status,
        form=shown,
        begun=form is not None or view is None,
        rows=range(rows_of(shown)),
        view=view,
        own=view is not None and view.opening.prepared_by == visit.actor.account_id,
        written=await batches.batch_named(db, book_id, batch, visit.actor.account_id),
        amount_words=amount_words(visit.language, kept["book"].currency),
        **kept,
    )


@router.post("/books/{book_id:uuid}/opening")
async def write_opening(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Keep what was written, or enter what another person wrote."""
    book = await keeping.book_to_keep(db, visit.actor, book_id)
    if form.value("act") == "more":
        return await _render(db, visit, book_id, form)
    read = _Reading(form, visit.language, book.currency)
    try:
        async with db.begin_nested():
            if form.value("act") == "confirm":
                await opening.confirm_opening(db, visit.actor, book_id, form.number("version"))
            else:
                said = read.opening()
                await opening.prepare_opening(db, visit.actor, book_id, said, read.faults)
    except AppError as error:
        if error.status in {401, 404} or error.code == "book_forbidden":
            raise
        shown = with_row_faults(form, visit.language, error, read.fields(), "page.opening.fault")
        return await _render(db, visit, book_id, shown, status=error.status)
    entered = form.value("act") == "confirm"
    return go(f"/books/{book_id}/opening", "opening_entered" if entered else "opening_written")


class _Reading:
    """A form of an opening, read as far as it can be; `faults` holds what cannot.

    Where an amount or a time cannot be read, another one stands in for it, so that the rest of
    its row is checked and everything is said at once; with a fault nothing is kept.
    """

    def __init__(self, form: Form, language: str, currency: str) -> None:
        self.form, self.language, self.currency = form, language, currency
        self.faults: list[FieldError] = []
        self.minutes_rows: list[int] = []
        self.capital_rows: list[int] = []

    def opening(self) -> OpeningFields:
        """Return what the form says."""
        minutes, capital = [], []
        for number in range(rows_of(self.form)):
            worker = self.form.value(f"worker-{number}").strip()
            time, money = f"minutes-{number}", f"capital-{number}"
            if self._is_written(time):
                self.minutes_rows.append(number)
                stream = self.form.value(f"stream-{number}")
                line = {"worker": worker, "stream": stream, "minutes": self._minutes(time)}
                minutes += self._checked(OpeningMinutes, line, number)
            if self._is_written(money):
                self.capital_rows.append(number)
                line = {"worker": worker, "amount": self._amount(money)}
                capital += self._checked(OpeningCapital, line, number)
            if worker and not (self._is_written(time) or self._is_written(money)):
                self.faults.append(FieldError(f"/{time}", "opening_line_empty"))
        reserve = self._amount("reserve") if self._is_written("reserve") else 0
        return OpeningFields(on=self._day(), minutes=minutes, capital=capital, reserve=reserve)

    def fields(self) -> dict[str, str]:
        """Return which field a fault is about, by its pointer."""
        own = {fault.pointer: fault.pointer.strip("/") for fault in self.faults}
        named = {"/minutes": "minutes-0", "/on": "on", "/reserve": "reserve"}
        lines = {"worker": "worker", "minutes": "minutes", "stream": "stream"}
        return {
            **named,
            **pointers("minutes", self.minutes_rows, lines),
            **pointers("capital", self.capital_rows, {"worker": "worker", "amount": "capital"}),
            **own,
        }

    def _is_written(self, name: str) -> bool:
        return bool(self.form.value(name).strip())

    def _minutes(self, name: str) -> int:
        minutes = read_minutes(self.language, self.form.value(name), "hours")
        if minutes is None:
            self.faults.append(time_fault(name))
        return 1 if minutes is None else minutes

    def _amount(self, name: str) -> int:
        minor = read_money(self.language, self.form.value(name), self.currency)
        if minor is None:
            self.faults.append(amount_fault(name, self.language, self.currency))
        return minor or 0

    def _day(self) -> date:
        try:
            return DAY.validate_python(self.form.value("on"))
        except ValidationError:
            self.faults.append(FieldError("/on", "slip_worked_on"))
            return date.min

    def _checked(self, kind: type[BaseModel], line: dict[str, Any], number: int) -> list[Any]:
        try:
            return [kind.model_validate(line)]
        except ValidationError as error:
            names = {str(each["loc"][0]) for each in error.errors(include_input=False)}
        for name in sorted(names):
            field = "capital" if name == "amount" else name
            code = f"slip_{name}" if name in {"worker", "stream"} else "opening_too_much"
            self.faults.append(FieldError(f"/{field}-{number}", code))
        # The row keeps its place in the list; nothing of a list with a fault is kept.
        return [kind.model_construct(**line)]


def _form_of(view: OpeningView, language: str) -> Form:
    """Return the form with what was written, to be changed."""
    rows: list[dict[str, str]] = [
        {
            "worker": line.worker,
            "minutes": write_minutes(line.minutes),
            "stream": line.stream.value,
        }
        for line in view.said.minutes
    ]
    for account in view.said.capital:
        free = (r for r in rows if r["worker"] == account.worker and "capital" not in r)
        row = next(free, None)
        if row is None:
            rows.append(row := {"worker": account.worker})
        row["capital"] = write_money(language, account.amount, view.currency)
    said = {f"{name}-{n}": [text] for n, row in enumerate(rows) for name, text in row.items()}
    reserve = write_money(language, view.said.reserve, view.currency)
    head = {"on": [view.said.on.isoformat()], "reserve": [reserve], "rows": [str(len(rows))]}
    return Form({**said, **head})
