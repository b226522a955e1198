"""Names made to look like other names, wherever a name is taken in."""

from typing import Any

import pytest

from app.federation.handlers.needs import fields_of
from app.federation.wire.needs import Proposal
from tests.factories.world import World

# Turns the direction; a space of no width; an isolate; a mark at the start of a file.
UNSEEN = ("\u202e", "\u200b", "\u2066", "\ufeff", "\u009b")


@pytest.mark.parametrize("sign", UNSEEN)
async def test_a_name_holds_only_what_can_be_seen(world: World, sign: str) -> None:
    owner = await world.sign_up("owner", display_name=f"The {sign}steward")
    assert owner.me["account"]["display_name"] == "The steward"
    changed = await owner.ask("PATCH", "/me", json={"display_name": f"{sign}Rosa{sign}"})
    assert changed.json()["account"]["display_name"] == "Rosa"
    organisation = await world.organisation(owner, f"Forn{sign} Roig")
    assert organisation["name"] == "Forn Roig"
    draft = await world.draft(owner, organisation, title=f"Move{sign} our site", tags=[f"a{sign}b"])
    assert (draft["title"], draft["tags"]) == ("Move our site", ["ab"])


@pytest.mark.parametrize("sign", UNSEEN)
async def test_a_name_of_nothing_to_see_is_no_name(world: World, sign: str) -> None:
    owner = await world.sign_up("owner")
    answer = await owner.ask("POST", "/organisations", json={"name": sign * 5})
    assert answer.status_code == 422
    assert (await owner.ask("PATCH", "/me", json={"display_name": sign * 5})).status_code == 422


async def test_joiners_stay_where_scripts_are_spelled_with_them(world: World) -> None:
    name = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # Persian, with its non-joiner
    person = await world.sign_up("person", display_name=name)
    assert person.me["account"]["display_name"] == name


@pytest.mark.parametrize("sign", UNSEEN)
def test_a_peers_names_are_held_to_the_same(sign: str) -> None:
    origin = "https://north.example"
    moment = "2026-03-02T10:00:00Z"
    said: dict[str, Any] = {
        "id": f"{origin}/needs/1",
        "version": 1,
        "status": "open",
        "attributedTo": f"{origin}/actor",
        "name": f"Move{sign} our site",
        "content": "",
        "published": moment,
        "updated": moment,
        "publishes": {"id": f"{origin}/needs/1#primary"},
        "url": f"{origin}/needs/1",
        "to": "https://www.w3.org/ns/activitystreams#Public",
        "organisation": "Forn Roig",
        "language": "en",
        "kind": "labour",
        "stream": "gift",
        "urgency": "normal",
        "places": 1,
        "taken": 0,
        "remote": True,
        "tag": [{"name": f"#a{sign}b"}],
        "beneficiary": f"All{sign} of us",
    }
    fields = fields_of(Proposal.model_validate(said))
    assert (fields.title, fields.tags, fields.beneficiary) == ("Move our site", ["ab"], "All of us")
