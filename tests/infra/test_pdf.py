"""PDF files say in Greek what they should, with their own fonts, on as many pages as it takes."""

from datetime import UTC, datetime
from pathlib import Path

from fontTools.ttLib import TTFont

from app.infra import pdf
from app.infra.i18n import catalogue
from app.infra.pdf import Column, Document, Facts, Table, Words, make_pdf
from tests.factories.pdf import embedded_fonts, words_of

MADE = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
NAMES = ("Άννα Παπαδοπούλου", "Núria Col·lell", "Zoë ŀlull", "Їжак Олена", "«¿Íñigo?»")


def document(rows: int) -> Document:
    table = Table(
        [Column("Όνομα", 3), Column("Ποσό", 2, "end")],
        [[NAMES[n % len(NAMES)], f"\u2212{n}.224,80 €"] for n in range(rows)],
        [["Σύνολο", "2.000,00 €"]],
    )
    blocks = (Words("Άτομα", "heading"), Facts([("Από", "1 Ιαν")]), table, Words("Τέλος", "note"))
    return Document("el", "Κατάσταση", "Φούρνος", "Φούρνος", "{page} από {pages}", MADE, blocks)


async def test_greek_is_read_back_from_embedded_fonts() -> None:
    file = await make_pdf(document(8))
    assert file.startswith(b"%PDF-")
    said = words_of(file)
    for words in (
        *NAMES,
        "Κατάσταση",
        "Άτομα",
        "Όνομα",
        "−7.224,80 €",
        "Σύνολο",
        "1 από 1",
        "Τέλος",
    ):
        assert words in said, said
    assert embedded_fonts(file) == {"Commissioner", "CommissionerBold", "LiterataExtraBold"}
    assert b"/Lang (el)" in file
    assert len(file) < 60_000
    assert file == await make_pdf(document(8))  # the same words make the same file


async def test_a_long_table_repeats_its_head_on_every_page() -> None:
    said = words_of(await make_pdf(document(120)))
    pages = said.count(" από ")
    assert pages > 3
    assert said.count("Όνομα") == pages
    assert said.count("Σύνολο") == 1
    assert f"{pages} από {pages}" in said


async def test_no_word_of_a_head_and_no_amount_is_broken_and_a_long_foot_is_cut() -> None:
    heads = ("Ποιο άτομο", "Επιβεβαιωμένος χρόνος", "Μερίδιο", "Περίοδος", "Λογαριασμός")
    columns = [Column(head, 2 if n else 3, "end" if n else "start") for n, head in enumerate(heads)]
    row = ["Βασιλική-Αικατερίνη Παπαδιαμαντοπούλου", "1.844 ώ. 10 λ.", "33,3%", "\u22126.960,00 €"]
    table = Table([*columns, Column("Ακόμα", 2, "end")], [[*row, "\u22121.234.567,89 €", "1,00 €"]])
    foot = "Κατάσταση · " + "Συνεταιρισμός της Γειτονιάς " * 6
    made = Document("el", "Κατάσταση", "Φ", foot, "Σελίδα {page} από {pages}", MADE, [table])
    said = words_of(await make_pdf(made)).splitlines()
    for whole in (
        "Επιβεβαιωμένος",
        "Λογαριασμός",
        "1.844 ώ. 10 λ.",
        "−6.960,00 €",
        "−1.234.567,89 €",
    ):
        assert whole in said, said
    (line,) = [line for line in said if line.startswith("Κατάσταση · ")]
    assert line.endswith("…")
    assert len(line) < len(foot)


def test_the_fonts_have_every_letter_that_we_say() -> None:
    """A letter without an outline would be an empty box on paper."""
    said = {
        letter
        for language in ("en", "el", "ca", "nl", "es")
        for text in catalogue(language, ("statement.", "ledger.", "format.")).values()
        for letter in ("".join(text) if isinstance(text, list) else text)
    }
    fonts = sorted((Path(pdf.__file__).parent / "fonts").glob("*.ttf"))
    assert len(fonts) == 3
    for font in fonts:
        has = set(TTFont(font).getBestCmap())
        assert {letter for letter in said | set("".join(NAMES)) if ord(letter) not in has} == set()
