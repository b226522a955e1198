"""Callbacks: an organisation's tools are told, by a standard that others have implemented too."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.domain.webhooks.rules import EVENTS as EVENTS_OF_ALL
from app.domain.webhooks.rules import RETRY_AFTER
from app.infra import clock
from app.infra.http_client import OutboundPolicy
from app.workers.main import run_until_idle
from app.workers.reactions import REACTIONS, TELL_WEBHOOKS
from tests.conftest import Services, make_settings
from tests.factories.application import make_application
from tests.factories.processes import free_port
from tests.factories.world import Json, Person, World

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text("utf-8")
EVENTS = ["claim.applied", "claim.accepted", "need.published"]


@dataclass
class Receiver:
    """A tool that keeps what it gets and answers as it is told."""

    port: int
    status: int = 204
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """Its address, which the settings allow for development."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen until left."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)
        async with server:
            yield

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line.partition(":") for line in head.split("\r\n")[1:] if ":" in line]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        self.heard.append((headers, body))
        writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@dataclass
class Scene:
    """An instance that may call one tool, an organisation, and who belongs to it."""

    world: World
    tool: Receiver
    owner: Person
    organisation: Json

    async def add(self, **changes: Any) -> Json:
        """Add a callback as the owner; answers it with its secret."""
        body = {
            "organisation_id": self.organisation["id"],
            "url": f"{self.tool.origin}/hook",
            "events": EVENTS,
            **changes,
        }
        return await self.owner.post("/webhooks", body)

    async def work(self) -> None:
        """Let the workers do what is due."""
        await run_until_idle(self.world.runtime)

    def messages(self) -> list[str]:
        """What the tool was told, by type."""
        return [json.loads(body)["type"] for _, body in self.tool.heard]

    async def log(self, webhook: Json) -> list[Json]:
        """What the log shows to the owner."""
        found = await self.owner.get(f"/webhooks/{webhook['id']}/deliveries")
        items: list[Json] = found["items"]
        return items


@pytest.fixture
async def scene(database: Services, tmp_path: Path) -> AsyncIterator[Scene]:
    tool = Receiver(free_port())
    settings = make_settings(database, tmp_path, dev_peers=(tool.origin,))
    application = make_application(settings)
    async with application.router.lifespan_context(application), tool.listening():
        world = World(application)
        owner = await world.sign_up("owner")
        yield Scene(world, tool, owner, await world.organisation(owner))


def frozen_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """Let the standard's own library live at our moment: it asks the system."""

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return now if tz is None else now.astimezone(tz)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Then)


async def test_a_tool_hears_what_happens_and_can_prove_from_whom(scene: Scene) -> None:
    made = await scene.add()
    need = await scene.world.open_need(scene.owner, scene.organisation)
    worker = await scene.world.sign_up("worker")
    claim = await worker.post(f"/needs/{need['id']}/claims", {"note": "CANARY-NOTE"})
    await scene.owner.move(f"/claims/{claim['id']}", "accepted")
    await worker.move(f"/claims/{claim['id']}", "withdrawn")
    await scene.work()
    assert scene.messages() == ["need.published", "claim.applied", "claim.accepted"]
    for headers, body in scene.tool.heard:
        document = Webhook(made["secret"]).verify(body, headers)
        assert document["data"]["organisation_id"] == scene.organisation["id"]
        assert document["data"]["need_id"] == need["id"]
        for canary in ("CANARY-NOTE", "worker", worker.id, need["title"]):
            assert canary.encode() not in body, "a message names no person and no text"
    headers, body = scene.tool.heard[1]
    tampered = body.replace(b"applied", b"confirmed")
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(tampered, headers)
    assert [entry["state"] for entry in await scene.log(made["webhook"])] == ["sent"] * 3


async def test_another_organisations_needs_are_not_told(scene: Scene) -> None:
    await scene.add()
    other = await scene.world.sign_up("other")
    elsewhere = await scene.world.organisation(other, "Elsewhere")
    await scene.world.open_need(other, elsewhere)
    await scene.work()
    assert scene.tool.heard == []


async def test_a_tool_that_is_away_is_tried_for_three_days(scene: Scene) -> None:
    made = (await scene.add())["webhook"]
    scene.tool.status = 500
    await scene.world.open_need(scene.owner, scene.organisation)
    moment = clock.now()
    with clock.frozen(moment):
        await scene.work()
        await scene.work()
        assert len(scene.tool.heard) == 1, "not before its time"
    for pause in RETRY_AFTER[:-1]:
        moment += pause + timedelta(seconds=1)
        with clock.frozen(moment):
            await scene.work()
    assert len(scene.tool.heard) == len(RETRY_AFTER)
    ids = {headers["webhook-id"] for headers, _ in scene.tool.heard}
    assert len(ids) == 1, "the receiver knows it again"
    (entry,) = await scene.log(made)
    assert (entry["state"], entry["last_status"], entry["last_error"]) == (
        "pending",
        500,
        "refused",
    )
    scene.tool.status = 200
    with clock.frozen(moment + RETRY_AFTER[-1] + timedelta(seconds=1)):
        await scene.work()
    (entry,) = await scene.log(made)
    assert (entry["state"], entry["attempts"]) == ("sent", len(RETRY_AFTER) + 1)
    shown = await scene.owner.get(f"/webhooks/{made['id']}")
    assert (shown["active"], shown["failing_since"]) == (True, None)


async def give_up(scene: Scene) -> None:
    moment = clock.now()
    for pause in (timedelta(), *RETRY_AFTER):
        moment += pause + timedelta(seconds=1)
        with clock.frozen(moment):
            await scene.work()


async def test_after_three_days_it_is_switched_off_and_its_owners_are_told(scene: Scene) -> None:
    made = (await scene.add())["webhook"]
    scene.tool.status = 500
    await scene.world.open_need(scene.owner, scene.organisation)
    await give_up(scene)
    shown = await scene.owner.get(f"/webhooks/{made['id']}")
    assert (shown["active"], shown["disabled_reason"]) == (False, "failing")
    (entry,) = await scene.log(made)
    assert (entry["state"], entry["next_try_at"]) == ("failed", None)
    async with scene.world.runtime.engine.connect() as connection:
        told = text("SELECT details FROM activities WHERE verb = 'webhook.switched_off'")
        (details,) = (await connection.execute(told)).scalars()
    assert details["account_ids"] == [scene.owner.id]
    # Off means off: nothing more is written for it, and a test says why it cannot run.
    await scene.world.open_need(scene.owner, scene.organisation)
    await scene.work()
    assert len(await scene.log(made)) == 1
    refused = await scene.owner.post(f"/webhooks/{made['id']}/tests", expect=409)
    assert refused["code"] == "webhook_off"
    # Mended and switched on again: what was given up can be sent again.
    scene.tool.status = 200
    on = await scene.owner.post(f"/webhooks/{made['id']}/switch", {"active": True}, expect=200)
    assert (on["active"], on["disabled_reason"]) == (True, "")
    await scene.owner.post(f"/webhooks/{made['id']}/deliveries/{entry['id']}/retries", expect=202)
    await scene.work()
    assert [entry["state"] for entry in await scene.log(made)] == ["sent"]


async def test_a_tool_that_says_gone_is_not_called_again(scene: Scene) -> None:
    made = (await scene.add())["webhook"]
    scene.tool.status = 410
    await scene.world.open_need(scene.owner, scene.organisation)
    await scene.work()
    shown = await scene.owner.get(f"/webhooks/{made['id']}")
    assert (shown["active"], shown["disabled_reason"]) == (False, "gone")


async def test_the_test_button_sends_a_message_that_says_so(scene: Scene) -> None:
    made = await scene.add()
    await scene.owner.post(f"/webhooks/{made['webhook']['id']}/tests", expect=202)
    await scene.work()
    ((headers, body),) = scene.tool.heard
    assert Webhook(made["secret"]).verify(body, headers)["type"] == "webhook.test"
    (entry,) = await scene.log(made["webhook"])
    assert (entry["event"], entry["message_id"]) == ("webhook.test", headers["webhook-id"])
    assert entry["body"] == body.decode()


async def test_a_secret_is_replaced_without_a_message_being_missed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await scene.add()
    path = f"/webhooks/{made['webhook']['id']}"
    former, secret = (
        made["secret"],
        (await scene.owner.post(f"{path}/secret", expect=200))["secret"],
    )
    assert secret != former
    await scene.owner.post(f"{path}/tests", expect=202)
    await scene.work()
    headers, body = scene.tool.heard[0]
    for valid in (former, secret):
        Webhook(valid).verify(body, headers)
    later = clock.now() + timedelta(hours=25)
    with clock.frozen(later):
        await scene.owner.post(f"{path}/tests", expect=202)
        await scene.work()
    frozen_clock(monkeypatch, later.astimezone(UTC))
    headers, body = scene.tool.heard[1]
    Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(former).verify(body, headers)


async def test_secrets_are_shown_once_and_kept_sealed(scene: Scene) -> None:
    made = await scene.add()
    listed = await scene.owner.get("/webhooks", organisation_id=scene.organisation["id"])
    assert [item["id"] for item in listed["items"]] == [made["webhook"]["id"]]
    assert made["secret"] not in json.dumps(listed)
    async with scene.world.runtime.engine.connect() as connection:
        statement = text("SELECT sealed_secret FROM webhooks")
        (sealed,) = (await connection.execute(statement)).scalars()
    assert made["secret"].encode() not in bytes(sealed)


async def test_changing_and_removing_need_the_version_that_was_read(scene: Scene) -> None:
    made = (await scene.add())["webhook"]
    path, body = f"/webhooks/{made['id']}", {"url": made["url"], "events": ["claim.submitted"]}
    stale = await scene.owner.ask("PUT", path, json=body, headers={"If-Match": '"9"'})
    assert stale.status_code == 412
    answer = await scene.owner.ask("PUT", path, json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert answer.json()["events"] == ["claim.submitted"]
    assert (await scene.owner.ask("DELETE", path)).status_code == 428
    gone = await scene.owner.ask("DELETE", path, headers={"If-Match": '"2"'})
    assert gone.status_code == 204
    assert (await scene.owner.ask("GET", path)).status_code == 404


BAD: dict[str, Callable[[Json], Json]] = {
    "unknown event": lambda body: {**body, "events": ["claim.imagined"]},
    "no event": lambda body: {**body, "events": []},
    "plain http": lambda body: {**body, "url": "http://example.org/hook"},
    "another port": lambda body: {**body, "url": "https://example.org:8443/hook"},
    "credentials": lambda body: {**body, "url": "https://name:word@example.org/"},
    "no address": lambda body: {**body, "url": "javascript:alert(1)"},
    "loopback": lambda body: {**body, "url": "http://127.0.0.1:1/"},
}


@pytest.mark.parametrize("fault", list(BAD))
async def test_what_cannot_be_called_is_refused(scene: Scene, fault: str) -> None:
    good = {
        "organisation_id": scene.organisation["id"],
        "url": "https://example.org/hook",
        "events": EVENTS,
    }
    refused = await scene.owner.post("/webhooks", BAD[fault](good), expect=422)
    assert refused["errors"], refused
    await scene.owner.post("/webhooks", good)


async def test_an_inner_address_is_not_called_and_not_told_from_a_silent_one(scene: Scene) -> None:
    """The guard stands where the connection is made: a name may point anywhere by then."""

    async def resolver(host: str, port: int) -> list[str]:
        if host == "inner.example":
            return ["127.0.0.1"]
        raise OSError

    scene.world.runtime.shared["outbound_policy"] = OutboundPolicy(resolver=resolver)
    inner = (await scene.add(url="https://inner.example/hook"))["webhook"]
    nowhere = (await scene.add(url="https://no-such-name.invalid/hook"))["webhook"]
    await scene.world.open_need(scene.owner, scene.organisation)
    await scene.work()
    seen = [(await scene.log(hook))[0] for hook in (inner, nowhere)]
    assert {(entry["last_status"], entry["last_error"]) for entry in seen} == {
        (None, "unreachable")
    }


async def test_an_organisation_has_ten_at_most(scene: Scene) -> None:
    answers = await asyncio.gather(
        *(
            scene.owner.ask(
                "POST",
                "/webhooks",
                json={
                    "organisation_id": scene.organisation["id"],
                    "url": "https://example.org/",
                    "events": EVENTS,
                },
            )
            for _ in range(14)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 4


async def test_members_look_and_owners_change(scene: Scene) -> None:
    made = (await scene.add())["webhook"]
    member, stranger = await scene.world.sign_up("member"), await scene.world.sign_up("stranger")
    body = {"handle": "member", "role": "member"}
    await scene.owner.post(f"/organisations/{scene.organisation['id']}/members", body)
    path = f"/webhooks/{made['id']}"
    assert (await member.get(path))["id"] == made["id"]
    await member.post(f"{path}/tests", expect=403)
    assert (await stranger.ask("GET", path)).status_code == 404
    await stranger.post(f"{path}/tests", expect=404)


async def test_a_worker_that_died_leaves_a_lease_that_runs_out(scene: Scene) -> None:
    from app.domain.webhooks import actions  # noqa: PLC0415 - what a dying worker had begun
    from app.infra.database import transaction  # noqa: PLC0415

    made = (await scene.add())["webhook"]
    await scene.owner.post(f"/webhooks/{made['id']}/tests", expect=202)
    async with transaction(scene.world.runtime.sessions) as session:
        assert len(await actions.claim_due(session, 8)) == 1
    await scene.work()
    assert scene.tool.heard == [], "somebody else may be at it"
    with clock.moved(timedelta(seconds=61)):
        await scene.work()
    assert len(scene.tool.heard) == 1


async def test_the_code_in_the_documentation_checks_a_message(scene: Scene) -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(sample, "docs/webhooks.md", "exec"), names)  # noqa: S102 - our own page
    made = await scene.add()
    await scene.owner.post(f"/webhooks/{made['webhook']['id']}/tests", expect=202)
    await scene.work()
    ((headers, body),) = scene.tool.heard
    assert names["is_ours"](made["secret"], headers, body)
    assert not names["is_ours"](made["secret"], headers, body + b" ")
    assert not names["is_ours"]("whsec_" + "A" * 43 + "=", headers, body)
    late = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 600)}
    assert not names["is_ours"](made["secret"], late, body)


def test_every_event_that_can_be_chosen_is_told_and_documented() -> None:
    assert all(f"`{event}`" in PAGE for event in EVENTS_OF_ALL)
    telling = {verb for verb, found in REACTIONS.items() if TELL_WEBHOOKS in found}
    assert telling == set(EVENTS_OF_ALL)
