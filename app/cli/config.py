"""`config show`: each setting, its value, and where it comes from."""

import re
from typing import Annotated, Any

import typer

from app.cli.output import answer
from app.settings import load_settings, setting_origins

PASSWORD_IN_URL = re.compile(r"(?<=:)[^:@/]+(?=@)")


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="The settings.", no_args_is_help=True)
    commands.command("show")(show)
    commands.callback()(_group)
    root.add_typer(commands, name="config")


def _group() -> None:
    """Read the settings."""


def show(
    *, as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False
) -> None:
    """Show each setting with its origin; passwords stay hidden."""
    settings, origins = load_settings(), setting_origins()
    rows = {
        name: {"value": masked(getattr(settings, name)), "origin": origins[name]}
        for name in type(settings).model_fields
    }
    width = max(map(len, rows))
    lines = [
        f"{name:<{width}}  {_shown(row['value']):<32}  {row['origin']}"
        for name, row in rows.items()
    ]
    answer(rows, as_json=as_json, text="\n".join(lines))


def masked(value: Any) -> Any:
    """Hide the password inside an address."""
    return PASSWORD_IN_URL.sub("••••", value) if isinstance(value, str) else value


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "(none)"
    return "(none)" if value in (None, "") else str(value)
