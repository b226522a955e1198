"""A reader with a browser that runs no script: opens pages, follows links, sends forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx

from tests.factories.world import Person, World

VOID = frozenset({"meta", "link", "img", "input", "br", "hr"})
Attributes = dict[str, str]


@dataclass
class Element:
    """An element of a page with what it holds."""

    tag: str
    attributes: Attributes
    parent: "Element | None" = None
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words a person reads, spaces made one."""
        parts = [c if isinstance(c, str) else c.text for c in self.children]
        return " ".join(" ".join(parts).split())

    def has(self, wanted: Attributes) -> bool:
        """Say whether all these attributes are here; of classes, whether these are among them."""
        for name, value in wanted.items():
            own = self.attributes.get(name.rstrip("_").replace("_", "-"))
            if own is None or (own != value and name != "class_"):
                return False
            if name == "class_" and not set(value.split()) <= set(own.split()):
                return False
        return True

    def all(self, tag: str = "", **attributes: str) -> list["Element"]:
        """Return the elements below with this tag and these attributes."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if (not tag or child.tag == tag) and child.has(attributes):
                    found.append(child)
                found.extend(child.all(tag, **attributes))
        return found

    def one(self, tag: str = "", **attributes: str) -> "Element":
        """Return the only such element."""
        (found,) = self.all(tag, **attributes)
        return found


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("document", {})
        self.here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"</{tag}> closes <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def parse(html: str) -> Element:
    """Read a page strictly: every element is closed where it should be."""
    builder = _Builder()
    builder.feed(html)
    assert builder.here is builder.root, f"<{builder.here.tag}> is never closed"
    return builder.root


@dataclass
class Page:
    """An answer and the document in it."""

    answer: httpx.Response
    document: Element

    @property
    def status(self) -> int:
        """The status code."""
        return self.answer.status_code

    @property
    def main(self) -> Element:
        """What the page is about."""
        return self.document.one("main")

    @property
    def title(self) -> str:
        """The first heading."""
        return self.document.one("h1").text

    def link(self, text: str) -> str:
        """Return where the first link with this text leads."""
        return next(a.attributes["href"] for a in self.document.all("a") if a.text == text)

    def form(self, action: str) -> Attributes:
        """Return the fields of a form as the page filled them in."""
        form = next(f for f in self.document.all("form", action=action))
        fields = {}
        # A field may stand elsewhere on the page and name the form that it belongs to.
        named = form.attributes.get("id")
        apart = self.document.all("input", form=named) if named else []
        inside = (*form.all("input"), *form.all("textarea"), *form.all("select"))
        for control in (*apart, *inside):
            name, kind = control.attributes.get("name", ""), control.attributes.get("type", "")
            if not name or (kind == "checkbox" and "checked" not in control.attributes):
                continue
            fields[name] = _value(control)
        return fields


def _value(control: Element) -> str:
    if control.tag == "textarea":
        return "".join(str(child) for child in control.children).removeprefix("\n")
    if control.tag == "select":
        options = control.all("option")
        chosen = [option for option in options if "selected" in option.attributes]
        picked = (chosen or options)[0]
        return picked.attributes.get("value", picked.text)  # as browsers do
    return control.attributes.get("value", "")


class Reader:
    """Somebody who reads pages; with an account when made from a person."""

    def __init__(self, world: World, person: Person | None = None, language: str = "en") -> None:
        """The reader shares the person's cookies."""
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(world.application),
            base_url=world.runtime.origin,
            headers={"Accept": "text/html", "Accept-Language": language},
        )
        if person is not None:
            self.http.cookies = person.http.cookies

    async def open(self, path: str, *, status: int = 200) -> Page:
        """Open a page, following no redirect."""
        answer = await self.http.get(path)
        assert answer.status_code == status, f"{answer.status_code} {answer.text[:2000]}"
        return Page(answer, parse(answer.text))

    async def follow(self, path: str) -> Page:
        """Open a page, following redirects as browsers do."""
        answer = await self.http.get(path, follow_redirects=True)
        return Page(answer, parse(answer.text))

    async def send(self, page: str, action: str, *, status: int = 303, **values: Any) -> Page:
        """Fill in a form of a page and send it the way a browser does."""
        filled = (await self.open(page)).form(action)
        return await self.submit(action, {**filled, **values}, status=status)

    async def submit(self, action: str, fields: dict[str, Any], *, status: int = 303) -> Page:
        """Send fields as a form from our own page; under no-referrer the origin is null."""
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
        answer = await self.http.post(action, data=fields, headers=headers)
        assert answer.status_code == status, f"{answer.status_code} {answer.text[:2000]}"
        return Page(answer, parse(answer.text))


def target_of(page: Page) -> str:
    """Return where an answer sends the browser, without the passing notice."""
    address = urljoin("/", page.answer.headers["location"])
    return address.partition("?notice=")[0]
