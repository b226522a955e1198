"""Writing tables that a spreadsheet opens without running what people wrote in them."""

import csv
import io
from collections.abc import Iterable, Sequence

# A cell that begins like this is a formula to a spreadsheet (OWASP, CSV Injection).
# Some programs take the full-width signs of East Asian keyboards for the same.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BYTE_ORDER_MARK = "\ufeff"


def safe_cell(value: object) -> str:
    """Return a cell's text; one that a spreadsheet would run gets an apostrophe before it."""
    text = "" if value is None else str(value)
    number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not number else text


def table_of(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, delimiter: str = ","
) -> str:
    """Return a table in UTF-8 with a byte order mark, without which some programs guess wrong."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in header])
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return BYTE_ORDER_MARK + out.getvalue()
