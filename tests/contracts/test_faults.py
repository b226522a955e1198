"""Every row of the list of faults names tests, and they exist."""

import re

from tests.contracts.tree import python_files, read

PAGE = "docs/federation/faults.md"
ROW = re.compile(r"^\| (?P<fault>[^|]+) \| (?P<right>[^|]+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`(test_\w+)`")
DEFINED = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
# The faults of the protocol's own list, by a word that only their row holds.
LISTED = (
    "Partition", "hundred times", "gap", "Replay", "lost Accept", "last place", "clock two hours",
    "Keys change", "installed anew", "stolen key", "sender was put back", "receiver was put back",
    "content-digest", "key's owner", "key ids that name", "Punycode", "served as a page", "Slow",
    "gibibytes", "Deep JSON", "redirect inside", "Dead peers", "flood", "firewall", "always fails",
    "Delete before Create", "worker dies", "manifest changes", "agreement open", "fediverse",
)  # fmt: skip


def _rows() -> dict[str, list[str]]:
    found = ROW.findall(read(PAGE))
    return {fault: TEST.findall(tests) for fault, _, tests in found if fault != "Fault"}


def test_every_fault_of_the_list_has_its_row() -> None:
    faults = [fault for fault in _rows() if "---" not in fault]
    for words in LISTED:
        assert len([fault for fault in faults if words in fault]) == 1, words
    assert len(faults) == len(LISTED)


def test_every_row_is_shown_by_tests_that_exist() -> None:
    defined = {name for path in python_files("tests") for name in DEFINED.findall(read(path))}
    for fault, tests in _rows().items():
        assert tests or "---" in fault, fault
        assert set(tests) <= defined, (fault, set(tests) - defined)
