"""The table of consequences and its page say the same."""

import re

from app.workers.reactions import REACTIONS
from tests.contracts.tree import python_files, read

ROW = re.compile(r"^\| `([a-z_.]+)` \| (.*?) \| (.+) \|$", re.MULTILINE)
# Where verbs record what happened; an f-string names its beginning.
RECORDED = re.compile(r"""\brecord\(\s*\w+,\s*[^,]+,\s*f?["']([a-z_]+\.[a-z_]*)""")


def test_every_reaction_is_documented_as_it_is() -> None:
    table = {
        activity: tuple(re.findall(r"`([a-z_.]+)`", names))
        for activity, names, _ in ROW.findall(read("docs/reactions.md"))
    }
    assert table == {verb: tuple(r.name for r in found) for verb, found in REACTIONS.items()}


def test_every_activity_with_consequences_is_recorded_somewhere() -> None:
    source = "\n".join(read(name) for name in python_files("app/domain", "app/federation"))
    recorded = set(RECORDED.findall(source))
    lost = [
        verb
        for verb in REACTIONS
        if verb not in recorded
        and f"{verb.partition('.')[0]}." not in recorded
        and f'"{verb}"' not in source  # handed to a helper that records it
    ]
    assert lost == []


def test_a_reactions_name_is_used_for_one_thing() -> None:
    by_name = {reaction.name: reaction for found in REACTIONS.values() for reaction in found}
    assert all(by_name[r.name] is r for found in REACTIONS.values() for r in found)
