"""The embedded Valkey keeps its promises as root and as an ordinary account."""

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from arq import Worker, func
from arq.connections import RedisSettings, create_pool

from tests.infra.embedded_help import (
    ACCOUNTS,
    Parent,
    World,
    code_for_everyone,
    is_gone,
    kill,
    make_world,
    wait_for,
)


@pytest.fixture(scope="session")
def code() -> Iterator[Path]:
    yield from code_for_everyone()


@pytest.fixture(params=ACCOUNTS)
def world(request: pytest.FixtureRequest, code: Path) -> Iterator[World]:
    yield from make_world(request.param, code)


@pytest.fixture
def parent(world: World) -> Parent:
    return world.parent("valkey")


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def test_it_keeps_what_it_is_given_and_evicts_nothing(world: World, parent: Parent) -> None:
    with client(parent.hear()["url"]) as valkey:
        valkey.set("bell", "rung")
        settings: dict[str, Any] = valkey.config_get("append*", "maxmemory-policy")
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "everysec"
        assert settings["maxmemory-policy"] == "noeviction"
    parent.close()
    with client(world.parent("valkey").hear()["url"]) as valkey:
        assert valkey.get("bell") == "rung"
    secret = world.data / "secrets" / "valkey.conf"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_wrong_password_is_refused(parent: Parent) -> None:
    url = parent.hear()["url"]
    password = url.split(":")[2].split("@")[0]
    with (
        client(url.replace(password, "wrong")) as valkey,
        pytest.raises(redis.AuthenticationError),
    ):
        valkey.ping()


def test_a_second_process_adopts_and_leaves_it_running(world: World, parent: Parent) -> None:
    first = parent.hear()
    second = world.parent("valkey")
    assert second.hear() == {**first, "adopted": True, "pid": None}
    second.ask("stop")
    second.close()
    with client(first["url"]) as valkey:
        assert valkey.ping()


def test_two_starts_at_once_make_one_server(world: World) -> None:
    told = [parent.hear() for parent in [world.parent("valkey") for _ in range(2)]]
    assert sorted(answer["adopted"] for answer in told) == [False, True]
    assert told[0]["url"] == told[1]["url"]


def test_it_dies_with_a_killed_parent(world: World, parent: Parent) -> None:
    told = parent.hear()
    with client(told["url"]) as valkey:
        valkey.set("bell", "rung")
    parent.kill()
    wait_for(lambda: is_gone(told["pid"]))
    with client(world.parent("valkey").hear()["url"]) as valkey:
        assert valkey.get("bell") == "rung"


def test_a_killed_server_is_started_again(parent: Parent) -> None:
    told = parent.hear()
    kill(told["pid"])
    wait_for(lambda: is_gone(told["pid"]))
    revived = parent.ask("revive")
    assert revived["started"]
    assert revived["url"] == told["url"]
    with client(revived["url"]) as valkey:
        assert valkey.ping()
    assert not parent.ask("revive")["started"]


def test_it_recovers_when_everything_was_killed(world: World, parent: Parent) -> None:
    told = parent.hear()
    kill(parent.process.pid, told["pid"])
    parent.close()
    again = world.parent("valkey").hear()
    assert again["adopted"] is False
    with client(again["url"]) as valkey:
        assert valkey.ping()


@pytest.mark.parametrize("name", ["long" * 25, "a%20b?#"])
def test_a_path_unfit_for_a_socket_uses_loopback(world: World, name: str) -> None:
    folder = world.folder / name / "data"
    parent = world.parent("valkey", folder)
    told = parent.hear()
    assert "@127.0.0.1:" in told["url"]
    assert world.parent("valkey", folder).hear()["url"] == told["url"]
    kill(told["pid"])
    wait_for(lambda: is_gone(told["pid"]))
    assert parent.ask("revive")["url"] == told["url"]
    with client(told["url"]) as valkey:
        assert valkey.ping()


@pytest.mark.filterwarnings("ignore:Call to deprecated close")  # arq's own
@pytest.mark.parametrize("name", ["data", "of nos'altres aquí"])
def test_arq_runs_a_job_over_it(world: World, name: str) -> None:
    settings = RedisSettings.from_dsn(world.parent("valkey", world.folder / name).hear()["url"])
    rung: list[str] = []

    async def ring(context: dict[Any, Any], *words: Any, **options: Any) -> None:
        rung.extend(words)

    async def through_a_worker() -> None:
        pool = await create_pool(settings)
        await pool.enqueue_job("ring", "once")
        job = func(ring, name="ring")  # type: ignore[arg-type]  # it wants __qualname__
        worker = Worker([job], redis_pool=pool, burst=True, handle_signals=False, poll_delay=0.01)
        await worker.main()
        await worker.close()

    asyncio.run(through_a_worker())
    assert rung == ["once"]
