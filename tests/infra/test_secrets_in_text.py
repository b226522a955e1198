"""What people regret to have written is found in five languages, and little else is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.secrets_in_text import FOUND_MAX, SecretKind, find_secrets

PHONE, PLACE, PASSWORD, MAIL, BANK = SecretKind
# Each with the piece that must be found, and what it is.
# In two parts: the check of our own files takes the whole line for somebody's key.
KEY_HEADER = "-----BEGIN OPENSSH " + "PRIVATE KEY-----"
BANK_OF_EXAMPLES = (
    ("Call me on +44 20 7946 0958 after six", "+44 20 7946 0958", PHONE),
    ("Phone: 020 7946 0958.", "020 7946 0958", PHONE),
    ("Τηλέφωνο 210 3456789, ζητήστε τη Μαρία", "210 3456789", PHONE),
    ("το κινητό μου: 6941234567", "6941234567", PHONE),
    ("το κινητό μου είναι 694 123 4567", "694 123 4567", PHONE),
    ("Truca'm al 612 34 56 78", "612 34 56 78", PHONE),
    ("Telèfon 93 123 45 67", "93 123 45 67", PHONE),
    ("Mi móvil es 612345678", "612345678", PHONE),
    ("Bel 06-12345678 of mail", "06-12345678", PHONE),
    ("telefoon 020 123 45 67", "020 123 45 67", PHONE),
    ("+31 6 1234 5678", "+31 6 1234 5678", PHONE),
    ("0030 210 3456789", "0030 210 3456789", PHONE),
    ("Είμαστε στην οδός Πανεπιστημίου 39, Αθήνα", "οδός Πανεπιστημίου 39", PLACE),
    ("οδού Αγίου Νικολάου 12", "οδού Αγίου Νικολάου 12", PLACE),
    ("Λεωφόρος Αλεξάνδρας 10", "Λεωφόρος Αλεξάνδρας 10", PLACE),
    ("ΤΚ 106 79", "ΤΚ 106 79", PLACE),
    ("Τ.Κ. 10679", "Τ.Κ. 10679", PLACE),
    ("Som al carrer de la Riereta, 12", "carrer de la Riereta, 12", PLACE),
    ("C/ Sants 79 baixos", "C/ Sants 79", PLACE),
    ("Av. Diagonal, 401", "Av. Diagonal, 401", PLACE),
    ("Plaça del Sol núm. 5", "Plaça del Sol núm. 5", PLACE),
    ("calle Embajadores, 35", "calle Embajadores, 35", PLACE),
    ("código postal 28012", "código postal 28012", PLACE),
    ("Wij zitten Oudegracht 245 in Utrecht", "Oudegracht 245", PLACE),
    ("Kanaalstraat 12a", "Kanaalstraat 12a", PLACE),
    ("3511 NM Utrecht", "3511 NM", PLACE),
    ("We are at 12 Railton Road", "12 Railton Road", PLACE),
    ("SE24 0LU", "SE24 0LU", PLACE),
    ("The password is hunter22", "hunter22", PASSWORD),
    ("password: correcthorse", "correcthorse", PASSWORD),
    ("ο κωδικός είναι elies2024!", "elies2024!", PASSWORD),
    ("κωδικός: αβγδ1234", "αβγδ1234", PASSWORD),
    ("la contrasenya és «pa-amb-oli»", "«pa-amb-oli»", PASSWORD),
    ("contrasenya: vaga1919", "vaga1919", PASSWORD),
    ("la contraseña del correo es Lechuga77", "Lechuga77", PASSWORD),
    ("wachtwoord = tulp_1637", "tulp_1637", PASSWORD),
    ("het wachtwoord is Tulp1637!", "Tulp1637!", PASSWORD),
    ("api_key=abcd1234efgh5678ijkl", "abcd1234efgh5678ijkl", PASSWORD),
    ("ghp_" + "a1B2" * 9, "ghp_" + "a1B2" * 9, PASSWORD),
    (KEY_HEADER, KEY_HEADER, PASSWORD),
    ("write to maria@forn.example", "maria@forn.example", MAIL),
    ("στείλε στο μαρία@forn.example", "μαρία@forn.example", MAIL),
    ("GR16 0110 1250 0000 0001 2300 695", "GR16 0110 1250 0000 0001 2300 695", BANK),
    ("NL91ABNA0417164300", "NL91ABNA0417164300", BANK),
    ("ES91 2100 0418 4502 0005 1332", "ES91 2100 0418 4502 0005 1332", BANK),
)
HARMLESS = (
    "We have 12 pages, 250 members and 3 servers since 2019.",
    "The meeting is on 2026-03-02 at 18:30, or on 29/03/2026.",
    "https://example.org/?id=612345678&phone=+34612345678",
    "Python 3.11.4, PostgreSQL 15.2, address 192.168.100.200, ISBN 978-3-16-148410-0",
    "We forgot the password. The password is lost. Nobody knows the password?",
    "Ξεχάσαμε τον κωδικό πρόσβασης και ο κωδικός είναι χαμένος.",
    "La contrasenya és d'una persona que ja no hi és.",
    "Het wachtwoord is bij niemand bekend.",
    "The disk has 2000 GB, and 1024 MB of memory; 1500 PX wide.",
    "Ens reunim a la plaça cada dimarts i al carrer també.",
    "La calle es nuestra desde 1936.",
    "Issue #123456789 and 1.234.567.890 rows",
    "GR16 0110 1250 0000 0001 2300 696",
)


@pytest.mark.parametrize(("text", "piece", "kind"), BANK_OF_EXAMPLES)
def test_what_should_not_be_public_is_found_where_it_stands(
    text: str, piece: str, kind: SecretKind
) -> None:
    for written in (text, f"Hello, we need help.\n{text}\nThank you"):
        (found,) = find_secrets(written)
        assert (found.kind, found.text) == (kind, piece)
        assert written[found.start : found.end].strip() == piece


@pytest.mark.parametrize("text", HARMLESS)
def test_what_harms_nobody_is_let_alone(text: str) -> None:
    assert find_secrets(text) == []


@given(st.text(max_size=2000))
def test_whatever_is_written_findings_lie_in_it_in_order_and_apart(text: str) -> None:
    found = find_secrets(text)
    assert len(found) <= FOUND_MAX
    for before, after in pairwise(found):
        assert before.end <= after.start
    assert all(f.text == text[f.start : f.end].strip() for f in found)


@given(
    st.sampled_from(BANK_OF_EXAMPLES),
    st.text(st.characters(categories=["Ll", "Lu"]), max_size=40),
)
def test_words_around_hide_nothing(example: tuple[str, str, SecretKind], words: str) -> None:
    text, piece, kind = example
    found = find_secrets(f"{words}\n\n{text}\n\n{words}")
    assert (kind, piece) in {(f.kind, f.text) for f in found}


@pytest.mark.parametrize("run", ["1 ", "password ", "Oudegracht ", "a.", "A1", "carrer de ", "π@"])
def test_a_long_text_of_one_thing_is_read_at_once(run: str) -> None:
    """A pattern that goes back on itself would not end within the life of this test."""
    assert len(find_secrets(run * (100_000 // len(run)))) <= FOUND_MAX
