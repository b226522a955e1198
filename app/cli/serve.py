"""`serve`: the whole service, with its database and worker when nothing else is named."""

import asyncio
import gc
import logging
import socket
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import say
from app.cli.services import Services, running_services
from app.settings import load_settings


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("serve")(serve)


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of database, files and keys.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Public address, such as https://example.org.")
    ] = None,
    worker: Annotated[bool, typer.Option(help="Run the worker in this process too.")] = True,
    workspace: Annotated[bool, typer.Option(help="Build the workspace when it changed.")] = True,
) -> None:
    """Serve the API, the pages and the workspace.

    Without TORNALLOM_DATABASE_URL and TORNALLOM_REDIS_URL a PostgreSQL and a Valkey of our own
    run in the data folder for as long as this command does. Ctrl-C stops everything.
    """
    from app.cli.running import listen
    from app.infra.logging import configure_logging

    settings = load_settings(host=host, port=port, data_dir=data_dir, base_url=base_url)
    configure_logging(settings.log_level, as_json=settings.log_json)
    for name in ("alembic", "uvicorn.error"):  # we tell what matters of theirs
        logging.getLogger(name).setLevel(logging.WARNING)
    place = listen(settings.host, settings.port)
    with place, running_services(settings) as services:
        if workspace:
            _build_workspace()
        asyncio.run(_serve(services, place, worker=worker))
    say("Stopped.")


def _build_workspace() -> None:
    from app.cli.workspace import build_when_stale

    build_when_stale()


async def _serve(services: Services, place: socket.socket, *, worker: bool) -> None:
    # Importing and building makes much that stays: looking through it for garbage meanwhile, and
    # ever after, would cost a fifth of the start.
    gc.disable()
    from app.cli.running import serve_until_stopped
    from app.infra.migrate import upgrade
    from app.main import create_app

    settings = services.settings
    if await upgrade(services.owner_url):
        say("The database is at the newest schema.")
    app = create_app(settings)
    gc.freeze()
    gc.enable()

    def ready() -> None:
        say(f"Tornallom answers at {settings.origin} (stop with Ctrl-C).")

    await serve_until_stopped(app, place, services, worker=worker, ready=ready)
