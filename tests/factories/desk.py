"""Somebody with a command line beside a running instance's database."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import Services
from tests.contracts.tree import ROOT
from tests.factories.world import World


class Desk:
    """Somebody with a command line beside an instance's database."""

    def __init__(
        self, world: World, database: Services, folder: Path, settings: dict[str, str] | None = None
    ) -> None:
        """Commands run in a folder, with these settings over those of the database."""
        self.world, self.database, self.folder = world, database, folder
        self.settings = settings or {}
        self.slug = ""

    async def run(
        self, *arguments: str, program: tuple[str, ...] = ("-m", "app"), **settings: str
    ) -> tuple[int, str]:
        """Run a command; answers its exit code and what it said."""
        environment = {
            **{name: value for name, value in os.environ.items() if "TORNALLOM" not in name},
            "TORNALLOM_DATABASE_URL": self.database.app_url,
            "TORNALLOM_DATABASE_OWNER_URL": self.database.owner_url,
            "TORNALLOM_DATA_DIR": str(self.world.runtime.data_dir),
            "PYTHONPATH": "" if program[0] != "-m" else str(ROOT),
            **self.settings,
            **settings,
        }
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, *program, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    def save(self, name: str, value: Any) -> str:
        """Write a file into the folder."""
        path = self.folder / name
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return str(path)
