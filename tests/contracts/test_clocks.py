"""Which tests begin at the fixed moment, and which have the clock on the wall."""

import re
from pathlib import Path

from tests.conftest import ON_THE_WALL

PROJECT = Path(__file__).parents[2]
# A process of its own does not follow the clock of the tests.
OTHER_PROCESSES = re.compile(
    r"factories\.(processes|desk)\b|^import multiprocessing|sys\.executable", re.MULTILINE
)


def test_whoever_shares_time_with_a_process_has_the_clock_on_the_wall() -> None:
    found = {
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "tests").rglob("test_*.py")
        if OTHER_PROCESSES.search(path.read_text())
    }
    assert found
    assert sorted(path for path in found if not path.startswith(ON_THE_WALL)) == []
