"""Receipts as pages: read, checked, taken along and brought, without a line of JavaScript."""

import json
import re
from typing import Any

import httpx

from tests.factories.receipts import signed, unsigned
from tests.factories.world import Person, World

TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
CODE = re.compile(r"<code[^>]*>([\w-]{40,})</code>")
HTML = {"Accept": "text/html"}
OWN = "/me/receipts"


async def page_of(person: Person, path: str) -> str:
    answer = await person.http.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def one_issuer(page: str) -> str:
    """Return who signed a receipt, as its page links to their keys."""
    found = re.search(r'href="(https?://[^"]+/actor)/keys"', page)
    assert found is not None
    return found[1]


async def send(
    person: Person, path: str, file: bytes | None = None, **fields: Any
) -> httpx.Response:
    found = TOKEN.search(await page_of(person, OWN))
    assert found is not None
    files = {"file": ("receipts.json", file, "application/json")} if file is not None else None
    data = {"form_token": found[1], **fields}
    return await person.http.post(path, data=data, files=files, headers=HTML)


async def test_a_worker_reads_checks_and_takes_along(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    assert "You have no receipts yet" in await page_of(worker, OWN)
    need = await world.open_need(owner, await world.organisation(owner))
    await world.confirm(owner, await world.submitted_claim(worker, owner, need, 210), 210)
    await world.work()

    listed = await page_of(worker, OWN)
    assert "Forn Roig confirmed 3 h 30 min of work." in listed
    assert OWN in await page_of(worker, "/me/claims")
    found = re.search(r'href="(/receipts/[0-9a-f-]{36})"', listed)
    assert found is not None
    one = found[1]
    shown = await page_of(worker, one)
    assert "It holds" not in shown
    assert "Last worked on" in shown
    # What the page says to run is what the command needs, and where its keys are.
    assert "receipts verify receipt.json --keys keys.json" in shown
    keys = f"{one_issuer(shown)}/keys"
    published = await worker.http.get(keys)
    assert (published.status_code, keys.endswith("/actor/keys")) == (200, True)
    assert "It holds: it is as it was signed" in await page_of(worker, f"{one}?check=1")
    greek = await page_of(worker, f"{one}?check=1&lang=el")
    assert "Ισχύει" in greek

    file = await worker.http.get(f"{one}/file", headers=HTML)
    assert file.headers["content-disposition"].startswith("attachment")
    assert file.json()["credentialSubject"]["hours"] == "3.5"
    bundle = await send(worker, "/me/receipts/bundle")
    assert [each["id"] for each in bundle.json()["verifiableCredential"]] == [file.json()["id"]]
    # The member who confirmed may read it, and does not see what the worker is called in it.
    theirs = await page_of(owner, one)
    assert "3 h 30 min" in theirs
    assert "/members/" not in theirs


async def test_what_is_brought_is_told_in_words(world: World) -> None:
    person = await world.sign_up("person")
    nothing = await send(person, OWN)
    assert nothing.status_code == 422
    assert "Choose a file first." in nothing.text
    for content, words in (
        (b"not a file", "cannot be read as a receipt"),
        (json.dumps(signed(unsigned())).encode(), "key of whoever issued this is not known"),
        (json.dumps({"hello": 1}).encode(), "not a receipt of contributed work"),
    ):
        answer = await send(person, OWN, content)
        assert words in answer.text, answer.text[:3000]
    assert "You have no receipts yet" in await page_of(person, OWN)

    code = CODE.search((await send(person, "/me/receipts/codes")).text)
    assert code is not None
    wrong = await send(person, "/me/receipts/bundle", code=code[1], reader="no address at all")
    assert wrong.status_code == 422
    assert "Write the address of the instance" in wrong.text
    right = await send(person, "/me/receipts/bundle", code=code[1], reader="Other.example")
    assert right.json()["proof"]["domain"] == "https://other.example"
    assert right.json()["proof"]["challenge"] == code[1]


async def test_the_terms_of_receipts_are_a_fixed_file(world: World) -> None:
    answer = await world.stranger().http.get("/ns/mutual-aid/v1")
    assert answer.headers["content-type"] == "application/ld+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "ContributionReceipt" in answer.json()["@context"]
