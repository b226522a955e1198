"""What is committed holds on any machine: no addresses, no paths of one computer, no secrets."""

import hashlib
import re

import pytest

from tests.contracts.tree import ROOT, python_files, read, tracked

TEXT_KINDS = (
    ".py", ".toml", ".md", ".yaml", ".yml", ".json", ".ts", ".js", ".mjs", ".svelte", ".html",
    ".css", ".ini", ".txt", ".cfg", ".sh", ".service", ".lock", ".jinja", ".mako", ".po", "run",
    "Dockerfile", ".gitignore", ".dockerignore",
)  # fmt: skip
TEXTS = [name for name in tracked() if name.endswith(TEXT_KINDS)]
# Written by tools or by others, word for word: not ours to word.
QUOTED = {"LICENSE", "package-lock.json"}

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|Users|work|root|mnt|media)/[\w.-]+")
# Quoted or in a URL: a clause number such as 5.1.1.2 is no address.
IP_ADDRESS = re.compile(r"(?<=[\"'/@])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w.])")
# Loopback, "everywhere", the documentation ranges (RFC 5737) and what the address guard's own
# tests must name.
HARMLESS_ADDRESS = re.compile(r"^(?:127\.|0\.0\.0\.0|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)")
GUARD_FILES = (
    "app/infra/addresses.py",
    "tests/infra/test_http_client.py",
    "tests/factories/faulty.py",
    "tests/factories/hostile.py",
    "tests/factories/internet.py",
)
SECRET = re.compile(
    r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----|\bghp_\w{30,}|\bAKIA[0-9A-Z]{16}\b"
)
# Test vectors of standards hold published keys.
PUBLISHED_KEYS = ("tests/vectors/", "tests/infra/test_signatures", "tests/federation/")
PYTHON = python_files("app", "tests", "tools", "bench")
TYPE_IGNORES_MAX = 40
BROAD_NOQA = re.compile(r"#\s*(?:noqa(?!\s*:)|ruff:\s*noqa(?!\s*:))")


def _found(pattern: re.Pattern[str], names: list[str]) -> list[str]:
    """Return every hit as path:line: text, of all files at once: a thousand tests would be slow."""
    return [
        f"{name}:{number}: {found.group()}"
        for name in names
        for number, line in enumerate(read(name).splitlines(), 1)
        for found in pattern.finditer(line)
    ]


def test_no_path_of_one_machine() -> None:
    assert _found(MACHINE_PATH, [name for name in TEXTS if name not in QUOTED]) == []


def test_no_fixed_network_address() -> None:
    names = [name for name in TEXTS if name not in QUOTED and name not in GUARD_FILES]
    found = _found(IP_ADDRESS, names)
    assert [line for line in found if not HARMLESS_ADDRESS.match(line.split()[-1])] == []


def test_no_secret() -> None:
    assert _found(SECRET, [name for name in TEXTS if not name.startswith(PUBLISHED_KEYS)]) == []


@pytest.mark.parametrize(
    "name", [n for n in tracked() if n.startswith("requirements") and n.endswith(".lock")]
)
def test_the_lock_pins_by_hash_and_says_no_address(name: str) -> None:
    text = read(name)
    pins = re.findall(r"^[a-zA-Z0-9][^\s;]*", text, re.MULTILINE)
    assert pins
    assert all("==" in pin for pin in pins), [pin for pin in pins if "==" not in pin]
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", text.strip())
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert re.findall(r"https?://\S+|--index-url|--extra-index-url|file:\S+", text) == []


def test_no_lock_that_records_where_packages_came_from() -> None:
    assert [n for n in tracked() if n.endswith(("uv.lock", "poetry.lock", "Pipfile.lock"))] == []
    for name in tracked():
        if name.endswith("package-lock.json"):
            assert '"resolved"' not in read(name), name


def test_suppressed_type_errors_only_get_fewer() -> None:
    count = sum(
        read(name).count("# type: " + "ignore")
        for name in python_files("app", "tests", "tools", "bench")
    )
    assert count <= TYPE_IGNORES_MAX


def test_a_suppressed_warning_names_its_rule() -> None:
    assert _found(BROAD_NOQA, PYTHON) == []


def test_nothing_is_left_for_later() -> None:
    unfinished = re.compile(r"#.*\b(?:TODO|FIXME|XXX|HACK)\b|\bNotImplementedError\b")
    assert _found(unfinished, [n for n in PYTHON if not n.endswith("test_tracked_files.py")]) == []


def test_the_licence_is_whole_and_word_for_word() -> None:
    # The Free Software Foundation's own plain text of the GNU AGPL, version 3.
    digest = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()
    assert digest == "0d96a4ff68ad6d4b6f1f30f713b18d5184912ba8dd389f86aa7710db079abcb0"
