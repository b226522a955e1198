"""Peers whose line can be cut."""

import pytest

from app.federation import delivery
from app.federation.peers import reading
from tests.factories.lines import Line


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    standing = Line()
    monkeypatch.setattr(delivery, "call", standing)
    monkeypatch.setattr(reading, "call", standing)
    return standing
