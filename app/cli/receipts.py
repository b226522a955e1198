"""`receipts verify FILE…`: whether receipts hold, without asking anybody."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.output import CommandError, answer
from app.settings import Settings, load_settings

KEYS_BESIDE = "keys.json"
REFUSED = 1
UNKNOWN = 2
# Not the receipt is at fault: what it would be checked by is missing.
UNDECIDED = frozenset({"no_key", "unreadable", "too_large", "missing"})


@dataclass(frozen=True)
class Result:
    """What was found about one receipt of one file."""

    file: str
    code: str
    url: str = ""
    says: str = ""


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Receipts of confirmed work.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("verify")(verify)
    root.add_typer(commands, name="receipts")


def _group() -> None:
    """Check receipts."""


def verify(
    files: Annotated[list[Path], typer.Argument(help="Receipts or bundles, as they were saved.")],
    *,
    keys: Annotated[
        list[Path] | None,
        typer.Option(help="A saved /actor or /actor/keys of the issuer; may be given again."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Take keys from the instance in this folder as well.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Verify receipts offline: 0 all hold, 1 one does not, 2 one cannot be decided."""
    from app.federation.receipts.known_keys import finder

    known = _saved_keys([*(keys or ()), *_beside(files)])
    settings = load_settings(data_dir=data_dir)
    if data_dir is not None or settings.database_url is not None:
        known += _keys_of_instance(settings)
    find_keys = finder(known)
    results = [result for file in files for result in _verify_file(file, find_keys)]
    code = _exit_code(results)
    value = {"valid": code == 0, "receipts": [vars(result) for result in results]}
    answer(value, as_json=as_json, text="\n".join(_line(result) for result in results))
    raise typer.Exit(code)


def _exit_code(results: Sequence[Result]) -> int:
    codes = {result.code for result in results} - {"valid", "replaced"}
    if codes - UNDECIDED:
        return REFUSED
    return UNKNOWN if codes or not results else 0


def _beside(files: Sequence[Path]) -> list[Path]:
    """Find saved keys in the folders of the files."""
    places = {file.parent / KEYS_BESIDE: None for file in files}
    return [place for place in places if place.is_file()]


def _saved_keys(paths: Sequence[Path]) -> list[Any]:
    from app.federation.receipts.known_keys import keys_in
    from app.federation.receipts.reading import ReceiptRefusedError, read_file

    found: list[Any] = []
    for path in paths:
        try:
            keys = keys_in(read_file(path.read_bytes()))
        except (OSError, ReceiptRefusedError) as error:
            message = f"{path}: cannot be read as a list of keys ({error})."
            raise CommandError(message) from None
        if not keys:
            message = f"{path}: holds no Ed25519 key of an instance."
            raise CommandError(message)
        found += keys
    return found


def _verify_file(path: Path, find_keys: Any) -> list[Result]:
    from app.federation.receipts.reading import ReceiptRefusedError, read_file, receipts_in

    try:
        raw = path.read_bytes()
    except OSError:
        return [Result(str(path), "missing")]
    try:
        inside = receipts_in(read_file(raw))
    except ReceiptRefusedError as error:
        return [Result(str(path), error.code)]
    results = [_verify_one(str(path), each, find_keys) for each in inside]
    return _with_replaced(results, inside)


def _verify_one(file: str, document: Any, find_keys: Any) -> Result:
    from app.federation.receipts.reading import ReceiptRefusedError, verify_receipt
    from app.infra import clock
    from app.infra.i18n import format_date, format_minutes

    url = document.get("id", "") if isinstance(document, dict) else ""
    try:
        signed = verify_receipt(document, find_keys, clock.now())
    except ReceiptRefusedError as error:
        return Result(file, error.code, url if isinstance(url, str) else "")
    issuer = signed.issuer.removesuffix("/actor")
    by = f"{signed.organisation} ({issuer})" if signed.organisation else issuer
    time, day = format_minutes("en", signed.minutes), format_date("en", signed.issued_at.date())
    return Result(file, "valid", signed.url, f"{by} confirmed {time} of work, signed on {day}.")


def _with_replaced(results: list[Result], inside: Sequence[Any]) -> list[Result]:
    """Mark what a later receipt of the same file replaces."""
    replaced = {
        document["replaces"]
        for result, document in zip(results, inside, strict=True)
        if result.code == "valid" and isinstance(document.get("replaces"), str)
    }
    return [
        Result(result.file, "replaced", result.url, result.says)
        if result.code == "valid" and result.url in replaced
        else result
        for result in results
    ]


def _line(result: Result) -> str:
    from app.domain.receipts.rules import sentence_of
    from app.infra.i18n import translate

    mark = {"valid": "holds", "replaced": "holds, but was replaced"}.get(result.code)
    if mark is None:
        mark = "cannot be decided" if result.code in UNDECIDED else "DOES NOT HOLD"
    about = f"{result.file}: {mark}."
    if result.code == "missing":
        return f"{about} There is no such file, or it may not be read."
    said = translate("en", sentence_of(result.code))
    if result.code == "no_key":
        said = (
            "Its issuer's key is not at hand: save the issuer's /actor/keys, name it with --keys."
        )
    lines = [f"{about} {result.says}".rstrip(), f"  {said}"]
    if result.code == "valid":
        lines.append(f"  Whether it was taken back since is known at {result.url} only.")
    return "\n".join(lines)


def _keys_of_instance(settings: Settings) -> list[Any]:
    """Read the keys in an instance's database: its own, its peers', and those with receipts."""
    from app.cli.services import running_services
    from app.federation.receipts.issuers import held_keys
    from app.infra.database import make_engine, make_sessions, transaction

    async def read(url: str) -> list[Any]:
        engine = make_engine(url, pool_size=1)
        try:
            async with transaction(make_sessions(engine)) as session:
                return list(await held_keys(session, settings.origin))
        finally:
            await engine.dispose()

    with running_services(settings, doorbell=False) as services:
        return asyncio.run(read(services.settings.database_url or ""))
