"""Taking a file of needs apart into rows: CSV (`,`, `;` or tabs) or JSON Lines, in UTF-8.

Rows are read one by one; one that cannot be read raises, and the next call goes on after it.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.infra.strict_json import StrictJsonError, parse_json

CELL_LENGTH_MAX = 200_000
ROW_LENGTH_MAX = 1_000_000
COLUMNS_MAX = 200
DELIMITERS = (",", ";", "\t")
RawRow = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of the file; the text is the catalogue's `error.field.<code>`."""

    line: int
    column: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


class UnreadableRowError(Exception):
    """A row that is no row; carries the fault."""

    def __init__(self, fault: Fault) -> None:
        """`fault` says where and why."""
        super().__init__(fault.code)
        self.fault = fault


class _RowReader:
    """Iterates over rows and goes on after one that cannot be read."""

    def __init__(self, read: Callable[[], RawRow]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[RawRow]:
        return self

    def __next__(self) -> RawRow:
        return self._read()


def read_rows(raw: bytes, *, free_header: bool = False) -> Iterator[RawRow]:
    """Read rows; with a free header no column has to have a name of ours."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return _RowReader(_failing_once(Fault(line, "", "import_not_utf8")))
    if not is_table(raw):
        return _RowReader(_json_reader(text))
    try:
        return _RowReader(_csv_reader(text, free_header=free_header))
    except UnreadableRowError as error:
        return _RowReader(_failing_once(error.fault))


def is_table(raw: bytes) -> bool:
    """Say whether a file is a table with a header, and not JSON Lines."""
    return raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{"


def _failing_once(fault: Fault) -> Callable[[], RawRow]:
    waiting = [fault]

    def read() -> RawRow:
        if not waiting:
            raise StopIteration
        raise UnreadableRowError(waiting.pop())

    return read


def _json_reader(text: str) -> Callable[[], RawRow]:
    lines = enumerate(text.split("\n"), start=1)

    def read() -> RawRow:
        number, line = next(lines)
        while not line.strip():
            number, line = next(lines)
        try:
            value = parse_json(line.encode())
        except StrictJsonError as error:
            raise UnreadableRowError(Fault(number, "", f"json_{error.code}")) from None
        if not isinstance(value, dict):
            raise UnreadableRowError(Fault(number, "", "row_not_object"))
        return number, value

    return read


class _BoundedLines:
    """Hands a file's lines to the csv module, and ends with a row longer than rows are.

    Cells are bounded one by one, but a row of ten million of them would fill the memory.
    """

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self._number = self._row_length = 0
        self._over = False

    def __iter__(self) -> Iterator[str]:
        return self

    def begin_row(self) -> None:
        self._row_length = 0

    def __next__(self) -> str:
        if self._over:
            raise StopIteration
        line = next(self._lines)
        self._number += 1
        self._row_length += len(line)
        if self._row_length > ROW_LENGTH_MAX:
            self._over = True
            raise UnreadableRowError(Fault(self._number, "", "row_unreadable"))
        return line


def _csv_reader(text: str, *, free_header: bool) -> Callable[[], RawRow]:
    csv.field_size_limit(CELL_LENGTH_MAX)
    bounded = _BoundedLines(text)
    lines = csv.reader(bounded, delimiter=_delimiter_of(text), strict=True)
    try:
        header = _header(next(lines, []), free_header=free_header)
    except csv.Error:
        raise UnreadableRowError(Fault(1, "", "row_unreadable")) from None

    def read() -> RawRow:
        bounded.begin_row()
        try:
            before = lines.line_num
            cells = next(lines)
            while not any(cell.strip() for cell in cells):
                bounded.begin_row()
                before = lines.line_num
                cells = next(lines)
        except csv.Error:
            raise UnreadableRowError(Fault(lines.line_num, "", "row_unreadable")) from None
        line = before + 1
        if len(cells) > len(header):
            raise UnreadableRowError(Fault(line, header[-1], "row_too_long"))
        return line, dict(zip(header, cells, strict=False))

    return read


def _delimiter_of(text: str) -> str:
    first_line = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
    return max(DELIMITERS, key=first_line.count)


def _header(cells: list[str], *, free_header: bool) -> list[str]:
    if len(cells) > COLUMNS_MAX:
        fault = Fault(1, "", "import_too_many_columns", {"limit": COLUMNS_MAX})
        raise UnreadableRowError(fault)
    names = [cell.strip() or f"column {n}" for n, cell in enumerate(cells, start=1)]
    if not any(cell.strip() for cell in cells):
        raise UnreadableRowError(Fault(1, "", "import_empty"))
    known = [column_of(name) for name in names]
    for name in names:
        if known.count(column_of(name)) > 1:
            raise UnreadableRowError(Fault(1, name, "column_repeated"))
    if "title" not in known and not free_header:
        raise UnreadableRowError(Fault(1, "title", "column_missing"))
    return names


def column_of(name: str) -> str:
    """Fold a column's name to ours: people write "External ID"."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())
