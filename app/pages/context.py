"""What every page knows: the instance, the language, who reads it, where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

from app.infra.i18n import LANGUAGES, NATIVE_NAMES

SOURCE_URL_DEFAULT = "/about#source"
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
# A short word in the address says which sentence to show; never a text from the address itself.
NOTICES = frozenset(
    {
        "agreed", "appealed", "ask_confirmed", "changed", "claimed", "claimed_at_once", "confirmed",
        "decided",
        "dismissed", "fork_declared", "in_review", "invited", "kept", "log_removed",
        "logged", "moved", "opening_entered", "opening_written", "password_set",
        "peer_asked", "peer_waits", "posted",
        "entry_corrected", "proof_sent", "proposed", "receipt_declined", "receipt_offered",
        "renewed", "reported", "restored", "saved", "search_removed",
        "search_saved", "seat_declined", "settled", "signed_out", "welcome",
    }
)  # fmt: skip


class LanguageLink(NamedTuple):
    """One language that this page can be read in."""

    code: str
    name: str
    href: str
    current: bool


@dataclass(frozen=True)
class Place:
    """An organisation that the reader is a member of."""

    id: UUID
    name: str
    state: str
    role: str


DESK = "/stewardship/asks"


@dataclass(frozen=True)
class Viewer:
    """The person who reads, when signed in."""

    account_id: UUID
    handle: str
    steward: bool = False
    places: Sequence[Place] = ()
    # Of a steward: how many asks wait to be looked at.
    waiting: int = 0

    def member_of(self, organisation_id: UUID | None) -> bool:
        """Say whether the reader may act for this organisation."""
        return any(place.id == organisation_id for place in self.places)


@dataclass(frozen=True)
class PageContext:
    """What the frame around every page shows."""

    language: str
    instance_name: str
    origin: str
    path: str
    query: str = ""
    viewer: Viewer | None = None
    form_token: str = ""
    # The reader's own zone, where they named one: times are written in it.
    zone: str = "UTC"
    source_url: str = SOURCE_URL_DEFAULT
    languages: Sequence[str] = field(default=LANGUAGES)

    @property
    def direction(self) -> str:
        """The writing direction of the page's language."""
        return "rtl" if self.language in RIGHT_TO_LEFT else "ltr"

    @property
    def here(self) -> str:
        """This page's address within the instance, without the passing notice."""
        pairs = [pair for pair in parse_qsl(self.query) if pair[0] not in {"lang", "notice"}]
        # A path of "//other.example" would be another site, were it written as it came.
        path = "/" + quote(self.path.lstrip("/\\"))
        return f"{path}?{urlencode(pairs)}" if pairs else path

    @property
    def notice(self) -> str | None:
        """The sentence that the last act left for this page."""
        name = dict(parse_qsl(self.query)).get("notice", "")
        return f"page.notice.{name}" if name in NOTICES else None

    @property
    def ask_href(self) -> str:
        """Where one asks for help: members of an organisation have the full form."""
        return "/needs/new" if self.viewer and self.viewer.places else "/ask"

    @property
    def navigation(self) -> Sequence[tuple[str, str]]:
        """Address and text id of the main pages, as this reader needs them."""
        common = [
            ("/needs", "page.nav.needs"),
            ("/organisations", "page.nav.organisations"),
            ("/network", "page.nav.network"),
        ]
        if self.viewer is None:
            return [*common, ("/sign-in", "page.nav.sign_in")]
        desk = [(DESK, "page.asks.nav")] if self.viewer.steward else []
        return [
            *common,
            ("/me/board", "page.board.nav"),
            ("/me/claims", "page.nav.my_claims"),
            ("/notices", "notice.page.title"),
            *desk,
            ("/app/", "page.nav.workspace"),
        ]

    @property
    def waiting(self) -> dict[str, int]:
        """How much waits behind an address of the navigation, where anything does."""
        return {DESK: self.viewer.waiting} if self.viewer and self.viewer.waiting else {}

    @property
    def language_links(self) -> Sequence[LanguageLink]:
        """This same page in every language we have."""
        joint = "&" if "?" in self.here else "?"
        return [
            LanguageLink(
                code, NATIVE_NAMES[code], f"{self.here}{joint}lang={code}", code == self.language
            )
            for code in self.languages
        ]
