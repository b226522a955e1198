"""Small, and it stays small: the exceptions below may only shrink."""

import ast

from tests.contracts.tree import python_files, read, tracked

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
TEST_FILE_LINES_MAX = 600
# path or path::function -> lines today. Lower or remove an entry when you make the thing smaller;
# never add one and never raise one.
EXCEPTIONS: dict[str, int] = {}

SOURCES = python_files("app", "tests", "tools", "bench", "migrations")
FRONTEND = [
    name
    for name in tracked()
    if name.startswith("frontend/src/")
    and name.endswith((".ts", ".svelte"))
    and "/generated/" not in name
]


def _functions(name: str) -> dict[str, int]:
    lengths = {}
    for node in ast.walk(ast.parse(read(name))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lengths[f"{name}::{node.name}"] = node.end_lineno - node.lineno + 1
    return lengths


def _too_long(lengths: dict[str, int], limit: int) -> dict[str, int]:
    return {k: lines for k, lines in lengths.items() if lines > max(limit, EXCEPTIONS.get(k, 0))}


def test_every_function_fits_a_screen() -> None:
    names = [name for name in SOURCES if not name.startswith("migrations/versions")]
    lengths = {key: lines for name in names for key, lines in _functions(name).items()}
    assert _too_long(lengths, FUNCTION_LINES_MAX) == {}


def test_every_file_can_be_read_in_one_go() -> None:
    lengths = {name: len(read(name).splitlines()) for name in [*SOURCES, *FRONTEND]}
    tests = {name: lines for name, lines in lengths.items() if name.startswith("tests/")}
    others = {name: lines for name, lines in lengths.items() if name not in tests}
    assert _too_long(others, FILE_LINES_MAX) == {}
    assert _too_long(tests, TEST_FILE_LINES_MAX) == {}


def test_the_exceptions_only_shrink() -> None:
    found: dict[str, int] = {}
    for name in SOURCES:
        found |= _functions(name) | {name: len(read(name).splitlines())}
    assert {key: found.get(key, 0) for key in EXCEPTIONS} == EXCEPTIONS
