"""The table of who is told, its page and its texts say the same; nobody is left without word."""

import re

import pytest

from app.domain.notifications.rules import KINDS, NOTICES
from app.models.claims import LIVE_STATES, ClaimState
from app.models.notifications import Reader
from tests.contracts.tree import python_files, read
from tools import catalogue

ROW = re.compile(r"^\| `([a-z_.]+)` \| (.*?) \| (.+) \|$", re.MULTILINE)
MESSAGES = catalogue.read_all()


def test_every_row_is_documented() -> None:
    table = {
        verb: tuple(re.findall(r"`([a-z_]+)`", kinds))
        for verb, kinds, _ in ROW.findall(read("docs/notices.md"))
    }
    assert table == {verb: tuple(row.kind for row in rows) for verb, rows in NOTICES.items()}


@pytest.mark.parametrize("language", list(MESSAGES))
def test_every_notice_has_its_texts(language: str) -> None:
    wanted = {f"notice.{kind}.{part}" for kind in KINDS for part in ("title", "text")}
    assert wanted - set(MESSAGES[language]) == set()


def test_whatever_ends_a_claim_is_told_to_its_worker() -> None:
    """Except what workers do themselves: the failure "rejected applicants told nothing"."""
    ended = set(ClaimState) - set(LIVE_STATES) - {ClaimState.WITHDRAWN}
    untold = {
        state
        for state in ended
        if not any(row.reader is Reader.WORKER for row in NOTICES.get(f"claim.{state.value}", ()))
    }
    assert untold == set()


def test_every_activity_that_people_are_told_of_is_recorded_somewhere() -> None:
    source = "\n".join(
        read(name)
        for name in python_files("app/domain", "app/federation", "app/workers")
        if "domain/notifications" not in name
    )
    beginnings = set(re.findall(r'f"([a-z_]+\.[a-z_]*)\{', source))
    lost = {
        verb
        for verb in NOTICES
        if f'"{verb}"' not in source and not any(verb.startswith(each) for each in beginnings)
    }
    assert lost == set()
