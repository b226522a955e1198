"""People's Markdown: what comes out can be read, and can do nothing."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages import text

PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](data:text/html;base64,PHN2Zz4=)",
    "[x](vbscript:x)", '<a href="java\nscript:alert(1)">x</a>', '<https://x/" onclick=x>',
    "[x](//evil.example)", "[x](/needs)", "[x](../..)", "[x](#a)", "<a href='/needs'>x</a>",
    "<form action=https://evil.example><input name=password><button>Go</button></form>",
    "<style>body{display:none}</style>", "<link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "<base href=//evil.example>",
    "<iframe srcdoc='<script>alert(1)</script>'>", "<math><mtext><script>alert(1)</script>",
    "<details open ontoggle=alert(1)>x</details>", "<p id=content class=notice style=x>x</p>",
    "```html\n<script>alert(1)</script>\n```", "<noscript><p title='</noscript><img src=x>'>",
    "![x](https://evil.example/pixel.png)", "<video src=x onerror=alert(1)>", "<x-y onclick=x>",
    'https://example.org/"onmouseover=alert(1)', "<a target=_top href=https://e.example>x</a>",
    "[a]: javascript:alert(1)\n\n[a]", "<!-- --><img src=x> <!-- x", "&lt;script&gt;", "<<script>",
]  # fmt: skip
PIECES = st.lists(st.one_of(st.sampled_from(PAYLOADS), st.text(max_size=20)), max_size=8)
ALLOWED_ATTRIBUTES = {"href", "rel", "title", "start"}


class Watcher(HTMLParser):
    """Notes every element and attribute that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.extend((name, value or "") for name, value in attrs)


def assert_harmless(html: str) -> None:
    seen = Watcher(html)
    assert seen.tags <= text.TAGS
    assert {name for name, _ in seen.attributes} <= ALLOWED_ATTRIBUTES
    for name, value in seen.attributes:
        if name == "href":
            assert re.match(r"(?:https?://|mailto:)", value, re.IGNORECASE), value


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_survives(payload: str) -> None:
    assert_harmless(text.markdown(payload))
    assert "javascript:" not in " ".join(v for _, v in Watcher(text.markdown(payload)).attributes)


@given(PIECES, st.sampled_from(["", " ", "\n", "\n\n"]))
def test_no_mixture_of_payloads_survives(pieces: list[str], joint: str) -> None:
    assert_harmless(text.markdown(joint.join(pieces)))


@given(st.text(max_size=300))
def test_an_excerpt_is_one_short_line(source: str) -> None:
    line = text.excerpt(source)
    assert len(line) <= text.EXCERPT_LENGTH + 1
    assert "\n" not in line


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("**a** _b_ ~~c~~", "<p><strong>a</strong> <em>b</em> <s>c</s></p>"),
        ("# A", "<h2>A</h2>"),
        ("### A\n###### B\n# C", "<h2>A</h2>\n<h3>B</h3>\n<h2>C</h2>"),
        ("# A\n## B\n### C\n#### D", "<h2>A</h2>\n<h3>B</h3>\n<h4>C</h4>\n<h4>D</h4>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("`https://x.example`", "<p><code>https://x.example</code></p>"),
        (
            "see (https://x.example/a_(b)).",
            (
                '<p>see (<a href="https://x.example/a_(b" rel="noopener noreferrer nofollow ugc">'
                "https://x.example/a_(b</a>)).</p>"
            ),
        ),
        ("Do I put it in <head> or <body>?", "<p>Do I put it in &lt;head&gt; or &lt;body&gt;?</p>"),
        ("Use List<String> & a<b", "<p>Use List&lt;String&gt; &amp; a&lt;b</p>"),
        ("<div>\n**a**\n</div>", "<p>&lt;div&gt;\n<strong>a</strong>\n&lt;/div&gt;</p>"),
        ("<!-- a --> &amp; &lt;b&gt; &amp;lt;", "<p>&lt;!-- a --&gt; &amp; &lt;b&gt; &amp;lt;</p>"),
        ("`a & <b>`", "<p><code>a &amp; &lt;b&gt;</code></p>"),
        ("", ""),
    ],
)
def test_markdown_is_read(source: str, html: str) -> None:
    assert text.markdown(source).strip() == html


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("# Title\n\nSome **bold** text", "Some bold text"),
        ("<!-- fill in\nthis -->\nReal", "Real"),
        ("- one\n- two\n1. three", "one two three"),
        ("[link](https://x.example) ![i](https://x.example/p.png) https://y.example", "link i"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("See\n\n| a | b |\n|:--|---|\n| 1 | 2 |\n\n---\n\nend", "See a b 1 2 end"),
        ("In <head> or <body>? List<String> & a<b", "In <head> or <body>? List<String> & a<b"),
        ("> C# and `snake_case`\n> or a_b_c\n\n    code", "C# and snake_case or a_b_c code"),
        ("word " * 60, "word " * 29 + "word…"),
    ],
)
def test_an_excerpt_keeps_the_words(source: str, line: str) -> None:
    assert text.excerpt(source) == line


@pytest.mark.parametrize(
    ("link", "href"),
    [
        ("https://example.org/a?b#c", "https://example.org/a?b#c"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("irc://example.org/x", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("//example.org", None),
        ("https://[broken", None),
        (None, None),
    ],
)
def test_only_links_that_browsers_may_follow_are_links(link: str | None, href: str | None) -> None:
    assert text.safe_href(link) == href
