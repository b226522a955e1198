"""The workspace is built when its sources changed, and a failure stops nothing."""

from pathlib import Path

import pytest

from app.cli import workspace
from app.cli.output import CommandError
from app.infra import node

NPM = """#!/bin/sh
echo "$@" >> calls
[ -e broken ] && { echo "it broke here"; exit 1; }
case "$1" in
  ci) mkdir -p node_modules && touch node_modules/.package-lock.json ;;
  run) mkdir -p "$5" && echo built > "$5/index.html" ;;
esac
"""


@pytest.fixture
def frontend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose npm only pretends, beside a Node.js that only tells its version."""
    folder = tmp_path / "frontend"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.ts").write_text("1", "utf-8")
    (folder / "package-lock.json").write_text("{}", "utf-8")
    programs = tmp_path / "bin"
    programs.mkdir()
    _program(programs / "npm", NPM)
    _program(programs / "node", "#!/bin/sh\necho v22.1.0\n")
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    for name, value in {
        "PROJECT": tmp_path,
        "FRONTEND": folder,
        "DIST": folder / "dist",
        "MARK": folder / "dist" / ".sources",
        "GENERATED": folder / "src" / "generated",
    }.items():
        monkeypatch.setattr(workspace, name, value)
    return folder


def _program(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(0o755)


def calls(frontend: Path) -> list[str]:
    return (frontend / "calls").read_text("utf-8").splitlines()


def test_it_is_built_once_for_the_same_sources(frontend: Path) -> None:
    assert workspace.is_stale()
    workspace.build_when_stale()
    assert (frontend / "dist" / "index.html").read_text("utf-8") == "built\n"
    assert not workspace.is_stale()
    workspace.build_when_stale()
    assert [call.split()[0] for call in calls(frontend)] == ["ci", "run"]
    assert "--ignore-scripts" in calls(frontend)[0]


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_another_source_makes_it_stale(frontend: Path, change: str) -> None:
    workspace.build_when_stale()
    if change == "removed":
        (frontend / "src" / "main.ts").unlink()
    else:
        name = "main.ts" if change == "changed" else "more.ts"
        (frontend / "src" / name).write_text("2", "utf-8")
    assert workspace.is_stale()


def test_what_the_build_generates_does_not_make_it_stale(frontend: Path) -> None:
    workspace.build_when_stale()
    (frontend / "src" / "generated").mkdir()
    (frontend / "src" / "generated" / "messages.ts").write_text("made", "utf-8")
    assert not workspace.is_stale()


def test_a_failed_build_is_told_and_keeps_what_was_there(
    frontend: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.build_when_stale()
    (frontend / "src" / "main.ts").write_text("2", "utf-8")
    (frontend / "broken").touch()
    workspace.build_when_stale()
    told = capsys.readouterr().err
    assert "it broke here" in told
    assert "The pages work without it." in told
    assert "python3 -m app workspace build" in told
    assert (frontend / "dist" / "index.html").exists()
    assert workspace.is_stale()


def test_without_node_and_network_it_is_told(
    frontend: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_network(name: str) -> None:
        message = f"The packages of the group `{name}` could not be installed."
        raise CommandError(message)

    monkeypatch.setattr(workspace, "find_node", lambda: None)
    monkeypatch.setattr(workspace, "install_group", no_network)
    workspace.build_when_stale()
    assert "the group `node` could not be installed). The pages work" in capsys.readouterr().err


def test_an_installation_without_sources_has_nothing_to_build(frontend: Path) -> None:
    (frontend / "src" / "main.ts").unlink()
    (frontend / "src").rmdir()
    assert not workspace.is_stale()


@pytest.mark.parametrize(
    ("version", "fits"), [("v18.19.1", False), ("v20.18.0", False), ("v20.19.0", True)]
)
def test_a_system_node_must_be_new_enough(
    frontend: Path, monkeypatch: pytest.MonkeyPatch, version: str, fits: bool
) -> None:
    _program(frontend.parent / "bin" / "node", f"#!/bin/sh\necho {version}\n")
    monkeypatch.setattr(node, "_packaged_node", lambda: None)
    assert (node.find_node() is not None) is fits
