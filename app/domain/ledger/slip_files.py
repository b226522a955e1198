"""A table of paper slips as a file: CSV → slips. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.domain.ledger.errors import slips_refused
from app.domain.needs.import_files import UnreadableRowError, read_rows
from app.errors import FieldError
from app.infra.i18n import DEFAULT_LANGUAGE
from app.infra.typed import read_minutes
from app.models.ledger import SLIPS_MAX, SlipFields

COLUMNS = ("worker", "worked_on", "minutes", "stream", "note")
REQUIRED = COLUMNS[:4]
DAY: TypeAdapter[date] = TypeAdapter(date)


@dataclass(frozen=True)
class HalfSlip:
    """A slip of which something cannot be read; the rest of it is checked all the same.

    So whoever wrote it learns everything at once. `worker` and `worked_on` are empty where they
    are what cannot be read.
    """

    worker: str
    worked_on: date | None
    faults: Sequence[FieldError]


SaidSlips = Sequence[SlipFields | HalfSlip]


def read_slips(raw: bytes) -> SaidSlips:
    """Read a CSV file with the columns worker, worked_on, minutes, stream and note.

    Minutes may be written as 90, as 1:30 or with units; without a unit they are minutes, as the
    column says. A row that is none refuses the file, with its number.
    """
    said: list[Mapping[str, Any]] = []
    try:
        for _, row in read_rows(raw, free_header=True):
            cells = {_name(key): _text(value) for key, value in row.items()}
            if any(cells.values()):
                said.append(cells)
            if len(said) > SLIPS_MAX:
                raise slips_refused([FieldError("/file", "slips_too_many", {"max": SLIPS_MAX})])
    except UnreadableRowError as error:
        raise slips_refused([FieldError("/file", error.fault.code, error.fault.params)]) from error
    if not said:
        raise slips_refused([FieldError("/file", "slips_none")])
    missing = [name for name in REQUIRED if name not in said[0]]
    if missing:
        wanted = {"columns": ", ".join(missing)}
        raise slips_refused([FieldError("/file", "slips_columns", wanted)])
    return slips_of(said)


def slips_of(said: Sequence[Mapping[str, Any]]) -> SaidSlips:
    """Make slips of what was said in cells; with each, what of it cannot be read."""
    slips: list[SlipFields | HalfSlip] = []
    for number, cells in enumerate(said):
        values = {name: cells[name] for name in COLUMNS if name in cells}
        if not isinstance(values.get("minutes"), int):
            values["minutes"] = _minutes(str(values.get("minutes") or ""))
        try:
            slips.append(SlipFields.model_validate(values))
        except ValidationError as error:
            names = dict.fromkeys(str(each["loc"][0]) for each in error.errors())
            faults = [FieldError(f"/slips/{number}/{name}", f"slip_{name}") for name in names]
            worker = "" if "worker" in names else str(values["worker"])
            day = None if "worked_on" in names else DAY.validate_python(values["worked_on"])
            slips.append(HalfSlip(worker, day, faults))
    return slips


def _minutes(text: str) -> int | str:
    """Return minutes for all spellings of a time; what is none is left for the check."""
    minutes = read_minutes(DEFAULT_LANGUAGE, text, "minutes")
    return text.strip() if minutes is None else minutes


def _name(key: object) -> str:
    return str(key or "").strip().lower()


def _text(value: object) -> str:
    return str(value or "").strip()
