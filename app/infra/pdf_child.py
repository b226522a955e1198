"""Set a document as PDF: the program that `pdf` starts, one process for each file.

Setting type takes a second of computing and thirty megabytes that the service need not hold, so
it happens apart. Reads the document as JSON on stdin (see `pdf.Document`), writes the file to
stdout. Only the standard library and fpdf2: it is started by path, outside the package.

The fonts lie beside this file (tools/pdf_fonts.py makes them) and what a file uses of them is
embedded in it, so that Greek reads on every machine and on paper.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.enums import Align, TableBordersLayout, WrapMode
from fpdf.fonts import FontFace

FONTS = Path(__file__).resolve().parent / "fonts"
MARGIN = 18
INK = (35, 26, 20)
MUTED = (94, 80, 70)
LINE = (140, 123, 107)
# What stands beside the words of a cell, and the part of a table that names keep at least.
CELL_SIDE = 1.2
PADDING = 2 * CELL_SIDE + 2.2
NAMES_LEAST = 0.2
ALIGN = {"start": Align.L, "end": Align.R}


class Sheet(FPDF):
    """A page of paper with the document's name and the page's number at its foot."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Take the fonts and what the file says of itself."""
        super().__init__(format="A4")
        self.foot = str(document["foot"])
        self.page_of = str(document["page"])
        self.add_font("sans", "", FONTS / "commissioner-400.ttf")
        self.add_font("sans", "B", FONTS / "commissioner-700.ttf")
        self.add_font("serif", "", FONTS / "literata-800.ttf")
        self.set_margin(MARGIN)
        self.set_auto_page_break(auto=True, margin=MARGIN + 6)
        self.set_title(str(document["title"]))
        self.set_lang(str(document["language"]))
        self.set_creator("Tornallom")
        self.set_creation_date(datetime.fromisoformat(str(document["made_at"])))

    def footer(self) -> None:
        """Write which page of how many this is, under what the document is about."""
        self.set_y(-MARGIN)
        self.say("sans", 8, MUTED)
        number = self.page_of.replace("{page}", str(self.page_no())).replace("{pages}", "{nb}")
        self.cell(self.epw * 0.75, 5, self.cut(self.foot, self.epw * 0.74), align=Align.L)
        self.cell(self.epw * 0.25, 5, number, align=Align.R)

    def cut(self, text: str, width: float) -> str:
        """Return a line that fits, its end left out where it must be."""
        if self.get_string_width(text) <= width:
            return text
        while text and self.get_string_width(text + "…") > width:
            text = text[:-1]
        return text.rstrip(" ·,") + "…"

    def say(self, family: str, size: float, colour: tuple[int, int, int], style: str = "") -> None:
        """Choose how the next words look."""
        self.set_font(family, style, size)
        self.set_text_color(*colour)

    def words(self, text: str, height: float) -> None:
        """Write a paragraph over the whole width; an address without spaces breaks anywhere."""
        self.multi_cell(0, height, text, align=Align.L, new_x="LMARGIN", new_y="NEXT")

    def heading(self, block: Mapping[str, Any]) -> None:
        """Write a heading that stays with what follows it."""
        if self.will_page_break(40):
            self.add_page()
        self.ln(4)
        self.say("serif", 13, INK)
        self.words(block["text"], 7)
        self.ln(1)

    def text_block(self, block: Mapping[str, Any]) -> None:
        """Write a paragraph."""
        self.say("sans", 10, INK)
        self.words(block["text"], 5.2)
        self.ln(2)

    def note(self, block: Mapping[str, Any]) -> None:
        """Write what is small and must not be missed: between two lines."""
        self.ln(2)
        self.set_draw_color(*LINE)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(2)
        self.say("sans", 9, MUTED)
        self.words(block["text"], 4.8)
        self.ln(2)

    def facts(self, block: Mapping[str, Any]) -> None:
        """Write names and values beside each other."""
        self.rows(
            [{"align": "start", "width": 2}, {"align": "start", "width": 3}],
            block["rows"],
            heads=0,
            strong_first=True,
        )

    def table_block(self, block: Mapping[str, Any]) -> None:
        """Write a table; its head is repeated on each page, its sums stand bold below."""
        head = [column["text"] for column in block["columns"]]
        lines = [head, *block["rows"], *block["sums"]]
        self.rows(self.widened(block["columns"], lines), lines, sums=len(block["sums"]))

    def widened(
        self, columns: Sequence[Mapping[str, Any]], rows: Sequence[Sequence[str]]
    ) -> list[dict[str, Any]]:
        """Give each column of figures what its longest word needs: no word or amount is broken.

        What is lacking comes from the first column, the names, while that keeps a fifth of the
        width.
        """
        self.set_font("sans", "B", 9)
        whole = sum(column["width"] for column in columns)
        widths = [self.epw * column["width"] / whole for column in columns]
        for place, column in enumerate(columns):
            if column["align"] == "end":
                words = (word for cells in rows for word in _unbroken(cells[place]))
                need = max((self.get_string_width(word) for word in words), default=0) + PADDING
                more = min(max(need - widths[place], 0), max(widths[0] - self.epw * NAMES_LEAST, 0))
                widths[place] += more
                widths[0] -= more
        return [{**column, "width": width} for column, width in zip(columns, widths, strict=True)]

    def rows(
        self,
        columns: Sequence[Mapping[str, Any]],
        rows: Sequence[Sequence[str]],
        *,
        heads: int = 1,
        sums: int = 0,
        strong_first: bool = False,
    ) -> None:
        """Write lines of cells under each other."""
        self.say("sans", 9, INK)
        self.set_draw_color(*LINE)
        bold = FontFace(family="sans", emphasis="BOLD", color=INK)
        with self.table(
            col_widths=tuple(column["width"] for column in columns),
            text_align=tuple(ALIGN[column["align"]] for column in columns),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=bold,
            num_heading_rows=heads,
            first_row_as_headings=heads > 0,
            line_height=5,
            padding=(0.8, CELL_SIDE),
            wrapmode=WrapMode.WORD,
        ) as table:
            for number, cells in enumerate(rows):
                strong = number >= len(rows) - sums
                row = table.row(style=bold if strong else None)
                for place, cell in enumerate(cells):
                    row.cell(cell, style=bold if strong_first and place == 0 else None)
        self.ln(3)


def _unbroken(text: str) -> list[str]:
    """Return the pieces of a cell that stay whole: of a figure all of it, of a head its words."""
    return [text] if any(letter.isdigit() for letter in text) else text.split()


WRITERS = {
    "heading": Sheet.heading,
    "text": Sheet.text_block,
    "note": Sheet.note,
    "facts": Sheet.facts,
    "table": Sheet.table_block,
}


def made(document: Mapping[str, Any]) -> bytes:
    """Return the PDF file of a document."""
    sheet = Sheet(document)
    sheet.add_page()
    sheet.say("sans", 9, MUTED)
    sheet.words(document["above"], 5)
    sheet.ln(1.5)
    sheet.say("serif", 22, INK)
    sheet.words(document["title"], 10)
    sheet.ln(2)
    for block in document["blocks"]:
        WRITERS[block["kind"]](sheet, block)
    return bytes(sheet.output())


def main() -> int:
    """Answer on stdout."""
    sys.stdout.buffer.write(made(json.load(sys.stdin)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
