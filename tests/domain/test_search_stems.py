"""The cache of stems: what one query waits for, another may push out meanwhile."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app.domain.needs import search


class Gate:
    """Rows that come when they are let: each word is its own stem."""

    def __init__(self, *, closed: bool = False) -> None:
        self.asked, self.may = asyncio.Event(), asyncio.Event()
        if not closed:
            self.may.set()

    async def fetch(self, query: str, *args: Any) -> Sequence[Any]:
        """Answer for each word and language, once the gate is open."""
        assert query == search.STEMS
        self.asked.set()
        await self.may.wait()
        return [(word, tongue, [f"{tongue}:{word}"]) for word in args[0] for tongue in args[2]]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that one query fills."""
    monkeypatch.setattr(search, "STEMS_KEPT", 4)
    monkeypatch.setattr(search, "_stems", type(search._stems)())


@pytest.mark.usefixtures("small")
async def test_a_word_that_is_pushed_out_while_others_are_fetched_is_known_all_the_same() -> None:
    first = await search.text_terms(Gate(), "garden", ["en"])
    gate = Gate(closed=True)
    waiting = asyncio.ensure_future(search.text_terms(gate, "garden kitchen", ["en"]))
    await gate.asked.wait()
    await search.text_terms(Gate(), "one two three four", ["en"])
    assert "garden" not in search._stems
    gate.may.set()
    found = await waiting
    assert found[0] == first[0]
    assert [terms[0] for terms in found] == ["garden", "kitchen"]
    assert len(search._stems) <= 4


@pytest.mark.usefixtures("small")
async def test_a_query_of_more_words_than_are_kept_is_answered() -> None:
    said = "one two three four five six"
    found = await search.text_terms(Gate(), said, ["en"])
    assert [terms[0] for terms in found] == said.split()
    assert len(search._stems) == 4
