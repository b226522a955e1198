"""`worker`: reactions, deliveries and sweeps, apart from the processes that answer requests."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import say
from app.cli.services import running_services
from app.settings import load_settings


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("worker")(worker)


def worker(
    *,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of database, files and keys.")
    ] = None,
) -> None:
    """Do the work that waits. Any number may run beside each other. Ctrl-C stops it."""
    from app.cli.running import work_until_stopped
    from app.infra.logging import configure_logging
    from app.infra.migrate import upgrade

    settings = load_settings(data_dir=data_dir)
    configure_logging(settings.log_level, as_json=settings.log_json)
    with running_services(settings) as services:
        asyncio.run(upgrade(services.owner_url))
        say("The worker is ready (stop with Ctrl-C).")
        asyncio.run(work_until_stopped(services))
    say("Stopped.")
