"""The embedded PostgreSQL keeps its promises as root and as an ordinary account."""

import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.infra.embedded import EmbeddedError, start_postgres
from app.infra.embedded.postgres import DATABASE_NAME
from tests.infra.embedded_help import (
    ACCOUNTS,
    AS_ROOT,
    Parent,
    World,
    children_of,
    code_for_everyone,
    is_gone,
    kill,
    make_world,
    psql,
    wait_for,
)

SAFETY = (
    "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN "
    "('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums')"
)


@pytest.fixture(scope="session")
def code() -> Iterator[Path]:
    yield from code_for_everyone()


@pytest.fixture(params=ACCOUNTS)
def world(request: pytest.FixtureRequest, code: Path) -> Iterator[World]:
    yield from make_world(request.param, code)


@pytest.fixture
def parent(world: World) -> Parent:
    return world.parent("postgres")


def test_first_start_makes_a_safe_cluster(world: World, parent: Parent) -> None:
    url = parent.hear()["owner_url"]
    assert (
        psql(url, SAFETY) == "data_checksums=on fsync=on full_page_writes=on synchronous_commit=on"
    )
    assert psql(url, "SHOW server_encoding") == "UTF8"
    assert (
        psql(url, "SELECT format('%s%s', datlocprovider, datlocale) FROM pg_database LIMIT 1")
        == "bC.UTF-8"
    )
    secret = world.data / "secrets" / "postgres.json"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(world.data.stat().st_mode) == 0o700


def test_the_application_role_owns_nothing(parent: Parent) -> None:
    parent.hear()
    urls = parent.ask("database thing")
    psql(urls["owner_url"], "CREATE TABLE t (id int PRIMARY KEY, n bigserial);")
    assert psql(urls["app_url"], "INSERT INTO t (id) VALUES (1); SELECT count(*) FROM t") == "1"
    for refused in ("CREATE TABLE u (id int)", "DROP TABLE t", "TRUNCATE t", "CREATE ROLE r"):
        with pytest.raises(RuntimeError, match=r"permission denied|must be owner"):
            psql(urls["app_url"], refused)
    psql(urls["owner_url"], "REVOKE UPDATE, DELETE ON t FROM tornallom_app")
    with pytest.raises(RuntimeError, match="permission denied"):
        psql(urls["app_url"], "DELETE FROM t")


def test_a_wrong_password_is_refused(parent: Parent) -> None:
    url = parent.hear()["app_url"]
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(RuntimeError, match="password authentication failed"):
        psql(url.replace(password, "wrong"), "SELECT 1")


def test_several_databases_and_again(parent: Parent) -> None:
    parent.hear()
    one, two = parent.ask("database one"), parent.ask("database two")
    psql(one["owner_url"], "CREATE TABLE only_here (id int)")
    assert parent.ask("database one") == one
    with pytest.raises(RuntimeError, match="does not exist"):
        psql(two["owner_url"], "SELECT * FROM only_here")


def test_a_second_process_adopts_and_leaves_it_running(world: World, parent: Parent) -> None:
    first = parent.hear()
    second = world.parent("postgres")
    told = second.hear()
    assert told == {**first, "adopted": True, "pid": None}
    second.ask("stop")
    second.close()
    assert psql(first["app_url"], "SELECT 1") == "1"


def test_two_starts_at_once_make_one_server(world: World) -> None:
    both = [world.parent("postgres") for _ in range(2)]
    told = [parent.hear() for parent in both]
    assert sorted(answer["adopted"] for answer in told) == [False, True]
    assert {psql(answer["owner_url"], "SELECT 1") for answer in told} == {"1"}
    for parent in both:
        parent.close()


def test_it_dies_with_a_killed_parent_and_keeps_what_it_acknowledged(world: World) -> None:
    parent = world.parent("postgres")
    told = parent.hear()
    psql(told["owner_url"], "CREATE TABLE t AS SELECT 7 AS n")
    family = [told["pid"], *children_of(told["pid"])]
    assert len(family) > 3
    parent.kill()
    wait_for(lambda: all(is_gone(pid) for pid in family))
    again = world.parent("postgres")
    assert psql(again.hear()["owner_url"], "SELECT n FROM t") == "7"


def test_a_killed_server_is_started_again(parent: Parent) -> None:
    told = parent.hear()
    psql(told["owner_url"], "CREATE TABLE t AS SELECT 7 AS n")
    kill(told["pid"])
    wait_for(lambda: is_gone(told["pid"]))
    revived = parent.ask("revive")
    assert revived["started"]
    assert revived["owner_url"] == told["owner_url"]
    assert psql(revived["owner_url"], "SELECT n FROM t") == "7"
    assert not parent.ask("revive")["started"]


def test_it_recovers_when_everything_was_killed(world: World) -> None:
    parent = world.parent("postgres")
    told = parent.hear()
    psql(told["owner_url"], "CREATE TABLE t (n int)")
    for _ in range(20):
        psql(told["owner_url"], "INSERT INTO t VALUES (1)")
    kill(parent.process.pid, told["pid"], *children_of(told["pid"]))
    parent.close()
    again = world.parent("postgres")
    url = again.hear()["owner_url"]
    assert int(psql(url, "SELECT count(*) FROM t")) == 20


def test_a_zombie_is_no_running_server(world: World, parent: Parent) -> None:
    told = parent.hear()
    kill(told["pid"])  # the parent does not look, so what remains is a zombie
    wait_for(lambda: is_gone(told["pid"]))
    assert Path(f"/proc/{told['pid']}").exists()
    other = world.parent("postgres")
    assert other.hear()["adopted"] is False


def test_a_pid_that_now_is_another_program_is_no_running_server(world: World) -> None:
    parent = world.parent("postgres")
    told = parent.hear()
    kill(told["pid"], *children_of(told["pid"]))
    parent.close()
    pid_file = world.data / "postgres" / "postmaster.pid"
    lines = pid_file.read_text("utf-8").splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]), "utf-8")
    again = world.parent("postgres")
    assert again.hear()["adopted"] is False


def test_another_major_version_is_refused_untouched(world: World) -> None:
    parent = world.parent("postgres")
    parent.hear()
    parent.close()
    version = world.data / "postgres" / "PG_VERSION"
    version.write_text("14\n", "ascii")
    refused = world.parent("postgres")
    sentence = refused.hear()["error"]
    assert "written by PostgreSQL 14" in sentence
    assert "restore the dump" in sentence
    assert version.read_text("ascii") == "14\n"


def test_a_path_too_long_for_a_socket_uses_loopback(world: World) -> None:
    folder = world.folder / ("long" * 25) / "data"
    parent = world.parent("postgres", folder)
    told = parent.hear()
    assert "@127.0.0.1:" in told["app_url"]
    other = world.parent("postgres", folder)
    assert other.hear()["app_url"] == told["app_url"]
    other.close()
    kill(told["pid"])
    wait_for(lambda: is_gone(told["pid"]))
    assert parent.ask("revive")["app_url"] == told["app_url"]
    assert psql(told["app_url"], "SELECT 1") == "1"
    parent.close()


def test_a_path_with_spaces_and_quotes(world: World) -> None:
    parent = world.parent("postgres", world.folder / "of nos'altres, aquí")
    assert psql(parent.hear()["app_url"], "SELECT 1") == "1"
    parent.close()


def test_an_interrupted_first_start_leaves_nothing(world: World) -> None:
    left = world.data / "postgres.new-left"
    left.mkdir(parents=True)
    subprocess.run(["chown", "-R", f"{world.folder.stat().st_uid}", world.folder], check=True)  # noqa: S607
    parent = world.parent("postgres")
    parent.hear()
    parent.close()
    assert not left.exists()


def test_lost_passwords_are_made_anew(world: World) -> None:
    parent = world.parent("postgres")
    before = parent.hear()["app_url"]
    parent.close()
    (world.data / "secrets" / "postgres.json").unlink()
    again = world.parent("postgres")
    after = again.hear()["app_url"]
    assert after != before
    assert psql(after, "SELECT 1") == "1"


def test_the_log_holds_no_row(world: World, parent: Parent) -> None:
    url = parent.hear()["owner_url"]
    psql(url, "CREATE TABLE t (name text PRIMARY KEY); INSERT INTO t VALUES ('canary-7741')")
    with pytest.raises(RuntimeError, match="duplicate key"):
        psql(url, "INSERT INTO t VALUES ('canary-7741')")
    log = (world.data / "logs" / "postgres.log").read_text("utf-8")
    assert "duplicate key" in log
    assert "canary-7741" not in log


@pytest.mark.skipif(not AS_ROOT, reason="only root can have a folder that nobody may enter")
def test_as_root_nothing_outside_the_folder_changes(code: Path) -> None:
    accounts = Path("/etc/passwd").read_bytes()
    for world in make_world("root", code):
        closed = world.folder / "closed"
        closed.mkdir(mode=0o700)
        parent = world.parent("postgres", closed / "data")
        told = parent.hear()
        assert Path(f"/proc/{told['pid']}").stat().st_uid != 0
        status = Path(f"/proc/{told['pid']}/status").read_text("ascii")
        capabilities = dict(line.split(":\t", 1) for line in status.splitlines() if "Cap" in line)
        assert {int(value, 16) for value in capabilities.values()} == {1 << 1}  # DAC_OVERRIDE
        parent.close()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert closed.stat().st_uid == 0
        assert stat.S_IMODE(world.folder.stat().st_mode) == 0o700
    assert Path("/etc/passwd").read_bytes() == accounts


def test_only_the_main_thread_starts_a_server(tmp_path: Path) -> None:
    caught: list[BaseException] = []

    def start() -> None:
        try:
            start_postgres(tmp_path / "data")
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="cannot be made"):
        start_postgres(tmp_path / "file" / "data")


@pytest.mark.parametrize("name", ["", "a-b", "A", "x; DROP DATABASE y", "é", "1a"])
def test_a_database_name_is_checked(name: str) -> None:
    assert DATABASE_NAME.fullmatch("tornallom_2")
    assert not DATABASE_NAME.fullmatch(name)
