"""Documents do not point into the void, and say the commands as they are."""

import re

import pytest

from app.infra.i18n import DEFAULT_LANGUAGE, LANGUAGES
from tests.contracts.tree import ROOT, read, tracked

PAGES = [name for name in tracked() if name.endswith(".md")]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
# A folder or file of this repository, named between backticks.
NAMED_PATH = re.compile(r"`((?:app|tests|tools|docs|migrations|openapi|frontend)/[\w./-]*)`")


@pytest.mark.parametrize("name", PAGES)
def test_links_between_documents_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    missing = [target for target in LINK.findall(read(name)) if not (folder / target).exists()]
    assert missing == []


@pytest.mark.parametrize("name", PAGES)
def test_files_that_a_document_names_exist(name: str) -> None:
    missing = [path for path in NAMED_PATH.findall(read(name)) if not (ROOT / path).exists()]
    assert missing == []


def test_every_decision_is_listed_and_says_what_was_tried() -> None:
    index = read("docs/decisions/README.md")
    for name in PAGES:
        if re.match(r"docs/decisions/\d{4}-", name):
            assert f"]({name.removeprefix('docs/decisions/')})" in index, name
            assert "**Held by**" in read(name) or "## " in read(name), name


@pytest.mark.parametrize("page", ["for-organisations", "for-worker-owners"])
def test_pages_for_people_exist_in_five_languages_and_know_each_other(page: str) -> None:
    names = {language: f"{page}.{language}.md" for language in LANGUAGES[1:]}
    names[DEFAULT_LANGUAGE] = f"{page}.md"
    headings = {}
    for language, name in names.items():
        text = read(f"docs/{name}")
        others = {other for code, other in names.items() if code != language}
        assert others <= set(LINK.findall(text.splitlines()[0])), name
        headings[language] = len(re.findall(r"^#+ ", text, re.MULTILINE))
    assert len(set(headings.values())) == 1, headings
