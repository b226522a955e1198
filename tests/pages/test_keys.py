"""The page of our own keys: stewards change and revoke them, without scripts."""

import re

from tests.factories.world import Person, World

OWN = "/stewardship/peers/keys"


async def page_of(person: Person) -> str:
    answer = await person.http.get(OWN)
    assert answer.status_code == 200, answer.text
    return answer.text


async def send(person: Person, **fields: str) -> tuple[int, str]:
    token = re.search(r'name="form_token" value="([^"]+)"', await page_of(person))
    assert token
    sent = {"form_token": token[1], **fields}
    answer = await person.http.post(OWN, data=sent, follow_redirects=False)
    return answer.status_code, answer.text


async def test_a_steward_changes_the_key_and_revokes_the_old_one(world: World) -> None:
    steward = await world.set_up()
    first = await page_of(steward)
    assert "in use" in first
    assert re.search(r"<code>([0-9a-f]{4} ){9}[0-9a-f]{4}</code>", first)
    assert (await send(steward, act="rotate"))[0] == 303
    assert "next: peers are being told" in await page_of(steward)
    status, text = await send(steward, act="rotate")
    assert (status, "A next key waits already" in text) == (409, True)

    status, text = await send(steward, act="revoke", name="ed25519-key")
    assert (status, "Tick the box" in text) == (422, True)
    assert (await send(steward, act="revoke", name="ed25519-key", sure="yes"))[0] == 303
    after = await page_of(steward)
    assert "not accepted since" in after
    assert "next: peers are being told" not in after
    assert 'value="ed25519-key"' not in after

    member = await world.sign_up("tania")
    assert (await member.http.get(OWN)).status_code == 403
