"""People's Markdown as safe HTML, and the first sentence of it as plain text.

Tags that people write are words like any other: who asks about `<head>` wants it read.

Three walls against stored scripts: a parser that knows no HTML, an allow-list of the elements it
writes (nh3), and a content security policy that runs nothing inline. Each alone would do; a
mistake in one must not be enough.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import table
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

LINK_REL = "noopener noreferrer nofollow ugc"
SCHEMES = {"http", "https", "mailto"}
TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
EXCERPT_LENGTH = 150
EXCERPT_SOURCE = 2_000
TABLE_CELLS_MAX = 4_000
HEADING_MAX = 4
_BARE_LINK = re.compile(r"https?://[^\s<>\"'`\\]{3,500}")
_TRAILING = ".,;:!?)]}*_'"
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SPACES = re.compile(r"\s+")


def _link_bare_addresses(state: StateCore) -> None:
    """Make a link of an address written as it is, outside links and code."""
    for block in state.tokens:
        if block.type != "inline" or not block.children:
            continue
        depth, children = 0, []
        for token in block.children:
            depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            children.extend(_split_addresses(token) if depth == 0 else [token])
        block.children = children


def _split_addresses(token: Token) -> list[Token]:
    if token.type != "text" or "://" not in token.content:
        return [token]
    parts, end = [], 0
    for found in _BARE_LINK.finditer(token.content):
        address = found[0].rstrip(_TRAILING)
        parts.append(_text(token.content[end : found.start()]))
        parts.extend(_anchor(address))
        end = found.start() + len(address)
    return [*parts, _text(token.content[end:])]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _anchor(address: str) -> Sequence[Token]:
    opening = Token("link_open", "a", 1, attrs={"href": address})
    return opening, _text(address), Token("link_close", "a", -1)


def _bounded_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read tables up to a number of cells in a text; what is beyond stays as it was written.

    Missing cells are filled in: two kilobytes of `|` are 65,000 cells, seconds of work each time.
    """
    left = state.env.setdefault("table_cells_left", TABLE_CELLS_MAX)
    if left <= 0 or not table(state, start, end, True):
        return False
    if silent:
        return True
    columns = state.getLines(start + 1, start + 2, 0, False).count("|") + 1
    rows = 2
    while start + rows < end and columns * rows <= left and not state.isEmpty(start + rows):
        rows += 1
    state.env["table_cells_left"] = left - columns * rows
    return left > columns * rows and table(state, start, end, False)


def _lower_headings(state: StateCore) -> None:
    """Keep the page's own title the only first heading, and let no level be skipped below it."""
    level = 1
    for token in state.tokens:
        if token.type == "heading_open":
            level = min(int(token.tag[1]) + 1, level + 1, HEADING_MAX)
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{level}"


def _reader() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.block.ruler.at("table", _bounded_table, {"alt": ["paragraph", "reference"]})
    return parser


@lru_cache(maxsize=1)
def _skimmer() -> MarkdownIt:
    return _reader()


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    # An image would be fetched from elsewhere; without the rule its link remains to be followed.
    parser = _reader().disable("image")
    parser.core.ruler.push("bare_addresses", _link_bare_addresses)
    parser.core.ruler.push("lower_headings", _lower_headings)
    return parser


@lru_cache(maxsize=256)
def markdown(source: str) -> Markup:
    """Return Markdown as HTML with nothing in it that acts or loads."""
    if not source.strip():
        return Markup("")
    clean = nh3.clean(
        _parser().render(source),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        url_relative="deny",
        link_rel=LINK_REL,
    )
    return Markup(clean)  # noqa: S704 - the sanitiser's output


@lru_cache(maxsize=4096)
def excerpt(source: str, length: int = EXCERPT_LENGTH) -> str:
    """Return the beginning of a Markdown text as one plain line, cut at a word.

    Headings, bare addresses and the comments of a form that was filled in say nothing here.
    """
    tokens = _skimmer().parse(_COMMENT.sub(" ", source[:EXCERPT_SOURCE]))
    words = _BARE_LINK.sub("", " ".join(_words_of(tokens)))
    plain = _SPACES.sub(" ", words).strip()
    if len(plain) <= length:
        return plain
    cut = plain[:length].rsplit(" ", 1)[0].rstrip(" ,;:.-–—")
    return f"{cut or plain[:length]}…"


def _words_of(tokens: Sequence[Token]) -> Iterator[str]:
    """Return block by block what is said outside headings."""
    heading = False
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            heading = token.type == "heading_open"
        elif token.type in {"fence", "code_block"}:
            yield token.content
        elif token.type == "inline" and not heading:
            yield "".join(map(_said, token.children or ()))


def _said(token: Token) -> str:
    return " " if token.type in {"softbreak", "hardbreak"} else token.content


def safe_href(link: str | None) -> str | None:
    """Return the link if a browser may follow it; other schemes are shown as text."""
    if not link:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return link if web or parts.scheme == "mailto" else None


def host_of(url: str | None) -> str | None:
    """Return the host name that people recognise an instance by."""
    if not url:
        return None
    try:
        return urlsplit(url).netloc or None
    except ValueError:
        return None
