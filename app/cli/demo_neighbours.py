"""The demo's last chapter: somebody of one instance works for an organisation of the other."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import httpx

from app.cli import demo_world as world
from app.cli.demo_people import Json, StepError, hold
from app.cli.demo_story import ARRIVAL_SECONDS_MAX, POLL_SECONDS, Story
from app.infra import clock

MINUTES = 45
Found = TypeVar("Found")
# The receipt says more than was done: this is what a checker must notice.
MORE = "9"


async def help_across(story: Story) -> None:
    """An offer crosses over, its answer comes back, and the hours end in a signed receipt."""
    owner, helper = story.people[world.OWNER], story.people[world.SOUTH_READER]
    north, south = story.instances.north.name, story.instances.south.name
    mirrored = await _found(helper.get, story.later["title"])
    note = {"note": "I send our own newsletter from such a thing."}
    claim = await helper.post(f"/needs/{mirrored['id']}/claims", note)
    story.say(f"{world.SOUTH_READER} of {south} offered help with “{mirrored['title']}”.")

    async def at_owner() -> Json:
        claims = (await owner.get(f"/needs/{story.later['id']}/claims"))["items"]
        return dict(claims[0]) if claims else {}

    async def at_helper() -> Json:
        return await helper.get(f"/claims/{claim['id']}")

    asked = await _until(at_owner, bool, "the offer did not arrive")
    hold(world.SOUTH_READER not in json.dumps(asked), "the offer names who made it")
    waiting = await at_helper()
    hold(waiting["state"] == "applied", "it was accepted before anybody accepted it")
    await owner.move(f"/claims/{asked['id']}", "accepted")
    await _until(at_helper, lambda now: now["state"] == "accepted", "the answer did not arrive")
    story.say(f"{north} saw no name, only where the offer came from; {world.OWNER} said yes.")
    log = {"worked_on": clock.today().isoformat(), "minutes": MINUTES, "note": ""}
    await helper.post(f"/claims/{claim['id']}/work-logs", log)
    await helper.move(f"/claims/{claim['id']}", "submitted")
    await _until(
        at_owner, lambda now: now["state"] == "submitted", "the work report did not arrive"
    )
    body = {"minutes": MINUTES, "stream": "gift"}
    await owner.post(f"/claims/{asked['id']}/confirmation", body)
    done = await _until(at_helper, lambda now: now["state"] == "confirmed", "no confirmation came")
    story.report["neighbour_claim_state"] = done["state"]
    story.say(f"{MINUTES} minutes were done at {south} and confirmed at {north}.")


async def receipt(story: Story) -> None:
    """The worker holds a receipt that anybody can check without asking either instance."""
    helper = story.people[world.SOUTH_READER]

    async def receipts() -> list[Json]:
        return list((await helper.get("/me/receipts"))["items"])

    (mine,) = await _until(receipts, bool, "the receipt did not arrive")
    document = (await helper.get(f"/receipts/{mine['id']}"))["document"]
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        saved = await client.get(f"{story.instances.north.origin}/actor/keys")
    forged = json.loads(json.dumps(document))
    forged["credentialSubject"]["hours"] = MORE
    holds = await _verified(document, saved.text)
    refused = not await _verified(forged, saved.text)
    story.report["receipt_verified"] = holds and refused
    hold(holds, "the receipt does not hold")
    hold(refused, "a receipt over other hours holds as well")
    story.say(
        f"{world.SOUTH_READER} holds a receipt signed by {story.instances.north.name}. Checked "
        f"offline: it holds, and the same over {MORE} hours does not."
    )


async def _verified(document: Json, keys: str) -> bool:
    """Check a receipt with the command, as anybody would who was handed the two files."""
    with tempfile.TemporaryDirectory() as folder:
        file = _save(Path(folder), document, keys)
        checking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "receipts", "verify", str(file)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "TORNALLOM_NO_BOOTSTRAP": "1"},
        )
        return await checking.wait() == 0


def _save(folder: Path, document: Json, keys: str) -> Path:
    (folder / "keys.json").write_text(keys, encoding="utf-8")
    file = folder / "receipt.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


async def _found(get: Callable[..., Awaitable[Json]], title: str) -> Json:
    (need,) = [one for one in (await get("/needs", q=title))["items"] if one["title"] == title]
    return dict(need)


async def _until(
    read: Callable[[], Awaitable[Found]], there: Callable[[Found], bool], otherwise: str
) -> Found:
    """Read until it is there, or let the story end with a sentence."""
    deadline = time.monotonic() + ARRIVAL_SECONDS_MAX
    while time.monotonic() < deadline:
        found = await read()
        if found and there(found):
            return found
        await asyncio.sleep(POLL_SECONDS)
    raise StepError(otherwise)
