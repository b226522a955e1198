"""`openapi`: the description of the HTTP API, written or compared."""

import difflib
import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import CommandError, answer

TARGET = Path(__file__).resolve().parents[2] / "openapi" / "openapi.json"
DIFFERENCE_LINES_MAX = 60


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("openapi")(openapi)


def openapi(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail when the file is not current.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Write openapi/openapi.json from the routes."""
    text = describe()
    before = TARGET.read_text("utf-8") if TARGET.exists() else ""
    changed = text != before
    if check and changed:
        raise CommandError(_difference(before, text))
    if changed:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(text, "utf-8")
    told = "written" if changed else "current"
    answer({"path": str(TARGET), "changed": changed}, as_json=as_json, text=f"{TARGET} is {told}.")


def describe() -> str:
    """Return the description as it is committed."""
    from app.main import create_app
    from app.settings import Settings

    # Describing connects to nothing, so any address will do.
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1/none",
        redis_url="redis://127.0.0.1/0",
        base_url="http://127.0.0.1:8080",
    )
    return json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False) + "\n"


def _difference(before: str, after: str) -> str:
    lines = list(
        difflib.unified_diff(
            before.splitlines(), after.splitlines(), "committed", "routes", n=1, lineterm=""
        )
    )
    shown = "\n".join(lines[:DIFFERENCE_LINES_MAX])
    return f"{shown}\n{TARGET.name} is not current: run `python3 -m app openapi` and commit it."
