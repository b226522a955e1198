"""Accounts of which several have one mail address, as people write it."""

import re
from email import message_from_bytes, policy

from tests.factories.world import PASSWORD, Person, World

ADDRESS = "one@example.org"
FRIEND, TWIN = "friend@example.org", "ONE@Example.org"


async def move_to(person: Person, address: str | None) -> None:
    """Change one's address, as the page of settings does."""
    body = {"email": address, "current_password": PASSWORD}
    answer = await person.ask("PATCH", "/me", json=body)
    assert answer.status_code == 200, answer.text


async def prove(world: World, person: Person, address: str) -> None:
    """Use the link that was mailed to an address, which nobody else writes with this case."""
    await world.work()
    links = []
    files = world.runtime.mailer.folder.glob("*.eml")
    for file in sorted(files, key=lambda each: each.stat().st_mtime_ns):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        body = message.get_body(("plain",))
        if address in str(message["To"]) and body is not None:
            links += re.findall(r"/email/([\w/-]+)", body.get_content())
    page = (await person.http.get("/notices")).text
    token = page.partition('name="form_token" value="')[2].partition('"')[0]
    answer = await person.http.post(f"/email/{links[-1]}", data={"form_token": token})
    assert answer.status_code == 200, answer.text
