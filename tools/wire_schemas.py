"""Write, or compare, the JSON schemas of what travels between instances.

wire_schemas.py            write openapi/federation/<version>/<noun>.schema.json
wire_schemas.py --check    say which are not current, and fail
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "openapi" / "federation"


def written() -> dict[Path, str]:
    """Return what each file must hold."""
    from app.federation.wire.schemas import (  # noqa: PLC0415 - after sys.path
        NOUNS,
        VERSION,
        schema_of,
    )

    return {
        FOLDER / VERSION / f"{noun}.schema.json": json.dumps(schema_of(noun), indent=2) + "\n"
        for noun in NOUNS
    }


def stale(files: dict[Path, str]) -> list[str]:
    """Name the files that differ from what the classes say, and those that belong to none."""
    different = [
        path.name
        for path, text in files.items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    return different + [path.name for path in FOLDER.rglob("*.json") if path not in files]


def main() -> int:
    """Run the command."""
    sys.path.insert(0, str(ROOT))
    files = written()
    if "--check" in sys.argv[1:]:
        for name in stale(files):
            print(f"{name} is not current: run tools/wire_schemas.py and commit it")
        return 1 if stale(files) else 0
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
