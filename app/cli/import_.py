"""`import needs FILE`: take in a whole file of needs, or say which lines are wrong."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from app.cli.output import CommandError, answer, say
from app.cli.services import Services, running_services
from app.settings import load_settings

if TYPE_CHECKING:
    from app.domain.needs.importing import ImportOutcome

FAULTS_SHOWN_MAX = 20
Progress = Callable[[int, int], Awaitable[None]]

File = Annotated[
    Path, typer.Argument(help="CSV or JSON Lines in UTF-8.", exists=True, dir_okay=False)
]


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Take in files.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("needs")(needs)
    root.add_typer(commands, name="import")


def _group() -> None:
    """Take in what other places hold."""


def needs(
    file: File,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and write nothing.")] = False,
    organisation: Annotated[
        str | None,
        typer.Option(help="Slug of the one organisation all needs go to; else each row's own."),
    ] = None,
    language: Annotated[str, typer.Option(help="Of rows that do not say theirs.")] = "en",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of database, files and keys.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Import needs: all rows or none, and again without doubling any."""
    settings = load_settings(data_dir=data_dir)
    raw = file.read_bytes()
    if len(raw) > settings.import_max_bytes:
        message = f"{file} is larger than {settings.import_max_bytes} bytes: import it in parts."
        raise CommandError(message)
    started = time.monotonic()
    with running_services(settings, doorbell=False) as services:
        outcome = asyncio.run(_run(services, raw, organisation, language, dry_run=dry_run))
    seconds = round(time.monotonic() - started, 2)
    _tell(outcome, settings.default_language)
    result = {"file": str(file), "dry_run": dry_run, "total": outcome.total, "seconds": seconds}
    faults = [_as_json(fault) for fault in outcome.faults]
    whole = {**result, **outcome.counts, "faults": faults, "ok": not faults}
    answer(whole, as_json=as_json, text=_sentence(outcome, seconds, dry_run=dry_run))
    if faults:
        raise typer.Exit(1)


async def _run(
    services: Services, raw: bytes, slug: str | None, language: str, *, dry_run: bool
) -> "ImportOutcome":
    from app.domain.access import SYSTEM
    from app.domain.needs.importing import ImportOrder, import_needs
    from app.domain.organisations.queries import organisation_by_slug
    from app.infra.database import make_engine, make_sessions, transaction
    from app.infra.migrate import upgrade

    await upgrade(services.owner_url)
    engine = make_engine(services.settings.database_url or "", pool_size=1)
    try:
        async with transaction(make_sessions(engine)) as session:
            organisation = await organisation_by_slug(session, slug) if slug else None
            if slug and organisation is None:
                message = f"There is no organisation {slug}."
                raise CommandError(message)
            order = ImportOrder(raw, organisation.id if organisation else None, dry_run, language)
            with _Bar() as bar:
                return await import_needs(session, SYSTEM, order, bar.progress)
    finally:
        await engine.dispose()


class _Bar:
    """A bar on the terminal; nothing where standard error goes elsewhere."""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bar.start()
        self._task = self._bar.add_task("Importing needs", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    async def progress(self, done: int, total: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total)


def _tell(outcome: "ImportOutcome", language: str) -> None:
    from app.infra.i18n import translate

    found = [*outcome.faults, *outcome.warnings]
    for fault in found[:FAULTS_SHOWN_MAX]:
        text = translate(language, f"error.field.{fault.code}", **fault.params)
        where = f"line {fault.line}" + (f", {fault.column}" if fault.column else "")
        say(f"{where}: {text}")
    if len(found) > FAULTS_SHOWN_MAX:
        say(f"… and {len(found) - FAULTS_SHOWN_MAX} more.")


def _as_json(fault: Any) -> dict[str, Any]:
    return {"line": fault.line, "column": fault.column, "code": fault.code}


def _sentence(outcome: "ImportOutcome", seconds: float, *, dry_run: bool) -> str:
    if outcome.faults:
        return "Nothing was imported: correct the lines above and import the file again."
    counts = ", ".join(f"{number} {verb}" for verb, number in outcome.counts.items())
    kind = "Would import" if dry_run else "Imported"
    return f"{kind} {outcome.total} needs in {seconds} s: {counts}."
