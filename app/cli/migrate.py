"""`migrate`: bring the database to the newest schema."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import CommandError, answer
from app.cli.services import running_services
from app.settings import load_settings


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("migrate")(migrate)


def migrate(
    *,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of database, files and keys.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail when something is to be done.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Bring the database to the newest schema (`serve` does so itself)."""
    from app.infra.migrate import current_revision, head_revision, upgrade

    with running_services(load_settings(data_dir=data_dir), doorbell=False) as services:
        before, head = asyncio.run(current_revision(services.owner_url)), head_revision()
        if check and before != head:
            message = f"The database is at {before}, the newest schema is {head}: run `migrate`."
            raise CommandError(message)
        changed = not check and asyncio.run(upgrade(services.owner_url))
    text = f"Migrated from {before} to {head}." if changed else f"Nothing to do: at {head}."
    answer({"from": before, "to": head, "changed": changed}, as_json=as_json, text=text)
