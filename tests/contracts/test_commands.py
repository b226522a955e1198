"""Every command is documented, and every documented command exists."""

import re

import typer
from typer.core import TyperGroup

from app.cli.main import build
from tests.contracts.tree import read

ROW = re.compile(r"^\| `([a-z -]+)` \|", re.MULTILINE)


def _commands(group: TyperGroup, before: str = "") -> set[str]:
    found = set()
    for name, command in group.commands.items():
        full = f"{before}{name}"
        found |= _commands(command, f"{full} ") if isinstance(command, TyperGroup) else {full}
    return found


def test_the_page_and_the_command_line_agree() -> None:
    root = typer.main.get_command(build([]))
    assert isinstance(root, TyperGroup)
    assert set(ROW.findall(read("docs/commands.md"))) == _commands(root)
