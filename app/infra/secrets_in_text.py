"""Finding in a text what people regret to have written: pure, and only ever a hint.

Telephone numbers, home addresses, passwords and keys, mail addresses, bank accounts, as people
write them in English, Greek, Catalan, Dutch and Spanish. Nothing is refused for it: whoever
wrote the text is shown what was found, and decides. So a false alarm costs a sentence and a
missed password may cost a person, but too many alarms are read by nobody.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class SecretKind(StrEnum):
    """What was found."""

    PHONE = "phone"
    PLACE = "place"
    PASSWORD = "password"  # noqa: S105 - the name of a kind
    MAIL = "mail"
    BANK = "bank"


@dataclass(frozen=True)
class Finding:
    """One thing found: what it looks like, and where it stands in the text."""

    kind: SecretKind
    start: int
    end: int
    text: str


FOUND_MAX = 20
PHONE_DIGITS = range(9, 16)
_BLANK = "\x00"

_URL = re.compile(r"\b(?:https?|ftp|git|ssh|matrix|xmpp)://[^\s<>\"']{1,500}")
_MAIL = re.compile(r"[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,4}[A-Za-z]{2,24}\b")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")

_PHONE_WORD = (
    r"(?:tel|telf|tlf|phone|mobile|whatsapp|τηλ|τηλέφωνο|κιν|κινητό|telèfon|mòbil|teléfono|móvil"
    r"|telefoon|mobiel)"
)
_NAMED_PHONE = re.compile(
    rf"\b{_PHONE_WORD}\b[.:]?[^\w\n+(]{{0,3}}(?:[^\W\d]{{1,8}}\s)?"
    r"(\+?\(?\d[\d ().\-]{5,20}\d)",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w+#/.,=:@\-])(\+|00|\()?\d(?:[ ().\-]{0,2}\d){7,14}(?![\w\-/=.]\w|\w)")
_DOTTED_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_DATE = re.compile(r"(?:19|20)\d\d[-/. ]\d\d[-/. ]\d\d|\d\d?[-/.]\d\d?[-/.](?:19|20)\d\d")

_WORD_FOR_IT = (
    r"(?:passwords?|passwd|passphrase|passcode|pwd|pass|pin|login|κωδικός|κωδικό|κωδικοί|κωδικους"
    r"|κωδικούς|συνθηματικό|συνθηματικά|contrasenya|contrasenyes|contraseñas?|clave|clau"
    r"|wachtwoord(?:en)?|wachtzin|toegangscode)"
)
_KEY_WORD = r"(?:api[ _-]?key|secret(?:[ _-]?key)?|access[ _-]?token|token|bearer)"
_QUOTED = r"[\"'«“‘`][^\"'»”’`\s]{4,80}[\"'»”’`]"
_TOKEN = r"[^\s\"'«»“”‘’`<>]{4,80}"  # noqa: S105 - a pattern
# "password: x" is one whatever x is, if the line ends there; "the password is x" if x looks it.
_SIGNED = re.compile(
    rf"\b{_WORD_FOR_IT}\b[^\S\n]{{0,2}}(?:\w{{2,14}}[^\S\n]){{0,2}}[:=→][^\S\n]{{0,2}}"
    rf"(?P<secret>{_QUOTED}|{_TOKEN})(?P<end>[^\S\n]{{0,3}}(?:\n|$))?",
    re.IGNORECASE,
)
_SAID = re.compile(
    rf"\b{_WORD_FOR_IT}\b[^\n.:=]{{0,40}}?"
    r"\b(?:is|are|was|είναι|ειναι|ήταν|és|es|era|som)\b"
    rf"[^\S\n]{{1,2}}(?P<secret>{_QUOTED}|{_TOKEN})",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    rf"\b{_KEY_WORD}\b[^\S\n]{{0,2}}[:=][^\S\n]{{0,2}}[\"']?(?P<secret>[\w+/.\-]{{16,200}})",
    re.IGNORECASE,
)
_KEYS = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bsk-[A-Za-z0-9_-]{20,}|\btln_[A-Za-z0-9_-]{20,}"
    r"|\bglpat-[A-Za-z0-9_-]{16,}|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"
)

_UP = r"[A-ZÀ-ÖØ-ÞΆ-ΏΑ-Ω]"
_NAME = rf"{_UP}[\w'’·.-]{{1,30}}"
_LINK = r"(?:(?:de la|de les|de los|de las|dels|del|de|d['’]|la|les|el|els|los|las|i|y)\s?)"
_GREEK_STREET = (
    r"\b(?:[Οο]δ(?:ός|ό|ού|\.)|ΟΔΟΣ|[Λλ]εωφ(?:όρος|όρου|όρο|\.)|[Ππ]λατεία|[Ππ]λατείας)\s{1,2}"
    rf"(?:{_NAME}\s){{1,3}}(?:αρ(?:ιθμός|\.)?\s?)?\d{{1,4}}\b"
)
_GREEK_POSTCODE = r"\bΤ\.?\s?Κ\.?[\s:]{0,2}\d{3}\s?\d{2}\b"
_IBERIAN_STREET = (
    r"(?:\b[Cc]/\s?|\b(?:[Cc]arrer|[Cc]alle|[Aa]vinguda|[Aa]venida|[Aa]v(?:d?a)?\.|[Pp]laça"
    r"|[Pp]laza|[Pp]asseig|[Pp]aseo|[Tt]ravessera|[Rr]onda|[Pp]tge\.|[Pp]g\.|[Pp]l\.)\s)"
    rf"{_LINK}?{_NAME}(?:\s{_LINK}?{_NAME}){{0,3}},?\s{{0,2}}"
    r"(?:[Nn](?:úm|um|º|\.)?\.?\s?)?\d{1,4}\b"
)
_IBERIAN_POSTCODE = r"\b(?:[Cc]\.?[Pp]\.?|[Cc]odi [Pp]ostal|[Cc]ódigo [Pp]ostal)[\s:]{1,2}\d{5}\b"
# A street's ending tells it; the postcode is one that no unit looks like.
_DUTCH_STREET = (
    rf"\b{_UP}[a-zà-ÿ'-]{{1,30}}"
    r"(?:straat|laan|weg|plein|gracht|kade|singel|steeg|dijk|dreef|plantsoen)"
    r"\s\d{1,4}(?:\s?[a-zA-Z]\b|-\d{1,3}|\b)"
)
_DUTCH_POSTCODE = (
    r"\b[1-9]\d{3}\s?(?!SA|SD|SS|[KMGTP]B|[KCM]M|KW|HZ|PX|EU|US|UK|[AP]M|AD|BC|CE|OK|PR|ID)"
    r"[A-Z]{2}\b"
)
_ENGLISH_STREET = (
    rf"\b\d{{1,5}}[a-z]?,?\s(?:{_NAME}\s){{1,3}}"
    r"(?:Street|St\.|Road|Rd\.|Avenue|Ave\.|Lane|Square|Drive|Terrace|Crescent|Gardens)(?!\w)"
)
_ENGLISH_POSTCODE = r"\b[A-Z]{1,2}\d[A-Z\d]?\s\d[ABD-HJLNP-UW-Z]{2}\b"
_PLACES = tuple(
    re.compile(pattern)
    for pattern in (
        _GREEK_STREET, _GREEK_POSTCODE, _IBERIAN_STREET, _IBERIAN_POSTCODE, _DUTCH_STREET,
        _DUTCH_POSTCODE, _ENGLISH_STREET, _ENGLISH_POSTCODE,
    )
)  # fmt: skip


def find_secrets(text: str) -> Sequence[Finding]:
    """Return what looks like a secret, in the order of the text, nothing twice."""
    masked = _URL.sub(lambda found: _BLANK * len(found[0]), text)
    found: list[Finding] = []
    for finding in _all(masked, text):
        overlaps = any(f.start < finding.end and finding.start < f.end for f in found)
        if not overlaps:
            found.append(finding)
    return sorted(found, key=lambda f: f.start)[:FOUND_MAX]


def _all(masked: str, text: str) -> Iterator[Finding]:
    """The surest first: what one has found, another does not name again."""
    spans: list[tuple[SecretKind, Iterator[tuple[int, int]]]] = [
        # A key may stand in an address too, and is as lost there.
        (SecretKind.PASSWORD, (found.span() for found in _KEYS.finditer(text))),
        (SecretKind.PASSWORD, _passwords(masked)),
        (SecretKind.BANK, (f.span() for f in _IBAN.finditer(masked) if _is_iban(f[0]))),
        (SecretKind.MAIL, (f.span() for f in _MAIL.finditer(masked))),
        (SecretKind.PLACE, (f.span() for p in _PLACES for f in p.finditer(masked))),
        (SecretKind.PHONE, _phones(masked)),
    ]
    for kind, places in spans:
        for start, end in places:
            yield Finding(kind, start, end, text[start:end].strip())


def _passwords(text: str) -> Iterator[tuple[int, int]]:
    for found in _SIGNED.finditer(text):
        if _looks_secret(found["secret"]) or (
            found["end"] is not None and found["secret"][-1:] not in "?:,…)"
        ):
            yield found.span("secret")
    for pattern in (_SAID, _ASSIGNED):
        for found in pattern.finditer(text):
            if _looks_secret(found["secret"]):
                yield found.span("secret")


def _looks_secret(token: str) -> bool:
    """Say whether a word is none: figures or signs among its letters, or set in quotes."""
    if _BLANK in token:
        return False
    bare = token.strip("()[]*_.,;:!?…")
    if token[0] in "\"'«“‘`":
        return True
    odd = any(c.isdigit() for c in bare) or any(c in "!@#$%^&*+=~?§" for c in bare)
    return len(bare) >= 4 and odd


def _is_iban(text: str) -> bool:
    """Check the two figures that every IBAN carries (ISO 13616, mod 97)."""
    bare = text.replace(" ", "")
    turned = bare[4:] + bare[:4]
    return 15 <= len(bare) <= 34 and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for found in _NAMED_PHONE.finditer(text):
        yield found.span(1)
    for found in _PHONE.finditer(text):
        if _is_phone(found[0]):
            yield found.span()


def _is_phone(written: str) -> bool:
    """Tell a telephone number from a date, an address of a machine, a count, a book's number."""
    digits = "".join(c for c in written if c.isdigit())
    if len(digits) not in PHONE_DIGITS:
        return False
    if _DOTTED_ADDRESS.fullmatch(written) or _DATE.search(written):
        return False
    if written.startswith(("+", "(")) or (digits.startswith("00") and digits[2] != "0"):
        return True
    if len(digits) == 10 and digits.startswith(("2", "69", "0")):  # Greece, the Netherlands
        return True
    return len(digits) == 9 and digits[0] in "6789"  # Spain
