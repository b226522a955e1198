"""`keys list|rotate|revoke`: the keys by which peers know this instance."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.output import CommandError, answer
from app.cli.services import running_services
from app.errors import AppError
from app.settings import load_settings

Name = Annotated[str, typer.Argument(help="The key's name; the one in use if none is given.")]
Since = Annotated[
    datetime | None,
    typer.Option(help="What it signed before this moment (UTC) still holds; now if not given."),
]
DataDir = Annotated[Path | None, typer.Option(help="Folder of database, files and keys.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
MOMENT = "%Y-%m-%d %H:%M"
_REASONS = {
    "key_not_found": "There is no key of that name: see `keys list`.",
    "key_revoked_already": "That key was revoked before.",
    "key_rotation_under_way": "A next key waits already; it will be in use within a day.",
    "key_revoked_in_future": "A key cannot be revoked from a moment that has not come.",
}


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="This instance's keys.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("list")(list_keys)
    commands.command("rotate")(rotate)
    commands.command("revoke")(revoke)
    root.add_typer(commands, name="keys")


def _group() -> None:
    """See and change the keys by which peers know this instance."""


def list_keys(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every key that this instance ever had."""
    from app.domain.access import SYSTEM
    from app.federation.peers.rotation import list_keys as read

    async def act(session: Any, runtime: Any) -> list[dict[str, Any]]:
        _, rows = await read(session, runtime, SYSTEM)
        return [_told(row) for row in rows]

    rows = _in_transaction(data_dir, act)
    answer(rows, as_json=as_json, text="\n".join(map(_line, rows)))


def rotate(*, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make the next key; peers are told, and it is in use within a day."""
    from app.domain.access import SYSTEM
    from app.federation.peers.rotation import rotate_key

    async def act(session: Any, runtime: Any) -> dict[str, Any]:
        return _told(await rotate_key(session, runtime, SYSTEM))

    row = _in_transaction(data_dir, act)
    answer(row, as_json=as_json, text=f"{row['name']} is shown to peers now.")


def revoke(
    name: Name = "", *, since: Since = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Revoke a stolen key: peers refuse it at once, and what it signed before still holds."""
    from app.domain.access import SYSTEM
    from app.federation.peers.rotation import revoke_key

    moment = None if since is None else since.replace(tzinfo=since.tzinfo or UTC)

    async def act(session: Any, runtime: Any) -> dict[str, Any]:
        return _told(await revoke_key(session, runtime, SYSTEM, name, since=moment))

    row = _in_transaction(data_dir, act)
    answer(row, as_json=as_json, text=f"{row['name']} is revoked; peers are told now.")


def _told(row: Any) -> dict[str, Any]:
    from app.infra import keys

    own = row.kind == "ed25519"
    fingerprint = keys.fingerprint(keys.load_public_key(row.public_key)) if own else ""
    moments = ("created_at", "current_at", "expires_at", "revoked_at")
    return {
        "name": row.name,
        "kind": row.kind.value,
        "state": row.state.value,
        "fingerprint": fingerprint,
        **{name: getattr(row, name) for name in moments},
    }


def _line(row: dict[str, Any]) -> str:
    end = row["revoked_at"] or row["expires_at"]
    until = f" until {end.strftime(MOMENT)}" if end else ""
    dates = f"{row['created_at'].strftime(MOMENT)}{until}"
    return f"{row['name']:<26} {row['kind']:<8} {row['state']:<9} {dates}  {row['fingerprint']}"


def _in_transaction(data_dir: Path | None, act: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    from app.infra.database import transaction
    from app.infra.runtime import make_runtime

    async def run(tools: dict[str, Any]) -> Any:
        runtime = make_runtime(**tools)
        try:
            async with transaction(runtime.sessions) as session:
                return await act(session, runtime)
        finally:
            await runtime.close()

    with running_services(load_settings(data_dir=data_dir)) as services:
        try:
            return asyncio.run(run(services.settings.tools()))
        except AppError as error:
            raise CommandError(_REASONS.get(error.code, error.code)) from None
