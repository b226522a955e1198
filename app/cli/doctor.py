"""`doctor`: is this instance sound? Each line says how to mend what is not."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import answer
from app.cli.services import running_services
from app.settings import load_settings

if TYPE_CHECKING:
    from app.cli.finding import Finding


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("doctor")(doctor)


def doctor(
    *,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of database, files and keys.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Look whether this instance is sound. Exit code 1 when something is not."""
    from app.cli.checks import look_at_machine, look_at_services

    settings = load_settings(data_dir=data_dir)
    with running_services(settings) as services:
        findings = [*look_at_machine(settings), *asyncio.run(look_at_services(services))]
    sound = all(finding.ok for finding in findings)
    if as_json:
        answer({"ok": sound, "findings": list(map(asdict, findings))}, as_json=True, text="")
    else:
        _draw(findings)
    raise typer.Exit(0 if sound else 1)


def _draw(findings: "list[Finding]") -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for finding in findings:
        mark = Text("ok  ", "green") if finding.ok else Text("BAD ", "bold red")
        console.print(mark + Text(f"{finding.name}: {finding.what}"))
        if not finding.ok:
            console.print(Text(f"      → {finding.mend}", "yellow"))
