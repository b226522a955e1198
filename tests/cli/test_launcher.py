"""`python3 -m app` makes its own packages ready: once, whole, and never twice at a time."""

import ast
import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import __main__ as launcher
from tests.contracts.tree import ROOT

COMMAND_LINE = """
def run(arguments):
    import sys, tiny
    print("ran", tiny.VERSION, arguments, sys.prefix)
    return 7
"""
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)


@dataclass
class Project:
    """A project of one package, with an index in a folder."""

    folder: Path

    def offer(self, version: str) -> str:
        """Put a wheel into the index and return its digest."""
        wheel = self.folder / "index" / f"tiny-{version}-py3-none-any.whl"
        files = {
            "tiny.py": f"VERSION = {version!r}\n",
            f"tiny-{version}.dist-info/METADATA": (
                f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n"
            ),
            f"tiny-{version}.dist-info/WHEEL": (
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            ),
        }
        rows = [f"{name},{_record(text)},{len(text)}" for name, text in files.items()]
        files[f"tiny-{version}.dist-info/RECORD"] = "\n".join(
            [*rows, f"tiny-{version}.dist-info/RECORD,,\n"]
        )
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return hashlib.sha256(wheel.read_bytes()).hexdigest()

    def lock(self, version: str, digest: str) -> None:
        """Write the lock file."""
        line = f"tiny=={version} \\\n    --hash=sha256:{digest}\n"
        (self.folder / "requirements.lock").write_text(line, "utf-8")

    def start(self, *arguments: str, cwd: Path | None = None) -> "subprocess.Popen[str]":
        """Start the launcher with the machine's own Python, away from any package index."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.folder / "index"),
            "PIP_CONFIG_FILE": os.devnull,
        }
        where = ["-m", "app"] if cwd is None else [str(self.folder / "app" / "__main__.py")]
        return subprocess.Popen(
            [BASE_PYTHON, *where, *arguments],
            cwd=cwd or self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, cwd: Path | None = None) -> tuple[int, str, str]:
        """Run it to its end."""
        process = self.start(*arguments, cwd=cwd)
        told, said = process.communicate(timeout=120)
        return process.returncode, told, said


def _record(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return "sha256=" + digest.rstrip(b"=").decode("ascii")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    (tmp_path / "index").mkdir()
    (tmp_path / "app" / "cli").mkdir(parents=True)
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(ROOT / "app" / name, tmp_path / "app" / name)
    (tmp_path / "app" / "cli" / "__init__.py").touch()
    (tmp_path / "app" / "cli" / "main.py").write_text(COMMAND_LINE, "utf-8")
    made.lock("1.0", made.offer("1.0"))
    yield made
    shutil.rmtree(tmp_path / ".venv", ignore_errors=True)


def test_it_installs_once_and_what_changed(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # One environment through its life: making one costs seconds.
    code, told, said = project.run("serve", "--port", "1")
    assert code == 7
    assert told == f"ran 1.0 ['serve', '--port', '1'] {project.folder / '.venv'}\n"
    assert "Installing 1 packages from requirements.lock" in said

    code, told, said = project.run("again", cwd=tmp_path_factory.mktemp("elsewhere"))
    assert (code, said) == (7, "")
    assert "['again']" in told

    digest = project.offer("1.1")
    project.lock("1.1", hashlib.sha256(b"something else").hexdigest())
    code, told, said = project.run("x")
    assert (code, told) == (1, "")
    assert "DO NOT MATCH THE HASHES" in said
    assert "could not be installed" in said
    assert not (project.folder / ".venv" / "tornallom-base.stamp").exists()

    project.lock("1.1", digest)
    code, told, said = project.run("x")
    assert code == 7
    assert told.startswith("ran 1.1")
    assert "Installing" in said

    # The machine's Python was replaced by another minor version.
    marks = project.folder / ".venv"
    (marks / "tornallom-python.stamp").write_text("cpython-3.5", "ascii")
    stamp = marks / "tornallom-base.stamp"
    stamp.write_text(f"{stamp.read_text('ascii').split()[0]} cpython-3.5", "ascii")
    code, told, said = project.run("x")
    assert told.startswith("ran 1.1")
    assert "Installing" in said


def test_interrupted_it_continues_at_the_next_start(project: Project) -> None:
    process = project.start("x")
    while not (project.folder / ".venv").exists():
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The next start continues" in said
    assert project.run("x")[1].startswith("ran 1.0")


def test_two_starts_at_once_install_once(project: Project) -> None:
    both = [project.start("x") for _ in range(2)]
    told = [process.communicate(timeout=120) for process in both]
    assert [out.startswith("ran 1.0") for out, _ in told] == [True, True]
    assert sorted("Installing" in said for _, said in told) == [False, True]


def test_without_venv_the_missing_package_is_named(project: Project) -> None:
    # As on Debian without python3-venv: neither the module nor a pip that reaches in.
    (project.folder / "venv.py").write_text("raise SystemExit(1)", "utf-8")
    (project.folder / "pip.py").write_text("raise SystemExit(1)", "utf-8")
    code, _, said = project.run("x")
    assert code == 1
    assert f"apt install python3.{sys.version_info[1]}-venv" in said


def test_install_refuses_an_unknown_group(project: Project) -> None:
    code, _, said = project.run("install", "nodes")
    assert code == 1
    assert "There is no group nodes; known: base, test, node." in said


def test_an_old_interpreter_meets_a_sentence() -> None:
    source = (ROOT / "app" / "__main__.py").read_text("utf-8")
    ast.parse(source, feature_version=(3, 8))
    ast.parse((ROOT / "app" / "__init__.py").read_text("utf-8"), feature_version=(3, 8))
    assert launcher.too_old().startswith("Tornallom needs Python 3.11 or newer; this is Python 3.")


@pytest.mark.parametrize(
    ("arguments", "groups"),
    [
        ([], ["base"]),
        (["serve", "test"], ["base"]),
        (["test", "--", "-k", "x"], ["base", "test"]),
        (["install", "node"], ["base", "node"]),
    ],
)
def test_a_command_gets_the_groups_it_needs(arguments: list[str], groups: list[str]) -> None:
    assert launcher.groups_for(arguments) == groups


@pytest.mark.parametrize("name", sorted(launcher.LOCK_FILES.values()))
def test_lock_files_have_hashes_and_no_addresses(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert not [line for line in lines if "://" in line or line.startswith("-")]
    packages = [index for index, line in enumerate(lines) if not line.startswith(" ")]
    assert packages
    for index in packages:
        assert "==" in lines[index]
        assert "--hash=sha256:" in lines[index + 1]


def test_lock_files_agree_where_they_overlap() -> None:
    versions: dict[tuple[str, str], str] = {}  # by package, and by where it is for
    for name in sorted(launcher.LOCK_FILES.values()):
        for line in (ROOT / name).read_text("utf-8").splitlines():
            if "==" in line:
                package, _, rest = line.partition("==")
                version, _, where = rest.rstrip(" \\").partition(" ; ")
                assert versions.setdefault((package, where), version) == version, package
