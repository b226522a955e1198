"""A claim's own page and a panel's: everything of a dispute without a line of JavaScript."""

import re
from typing import Any

import httpx
from sqlalchemy import text

from tests.factories.world import Json, Person, World
from tests.pages.reading import Reader

TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
HTML = {"Accept": "text/html"}


async def page_of(person: Person, path: str) -> str:
    answer = await person.http.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


async def send(person: Person, page: str, path: str, **fields: Any) -> httpx.Response:
    found = TOKEN.search(await page_of(person, page))
    assert found is not None
    data = {"form_token": found[1], **fields}
    return await person.http.post(path, data=data, headers=HTML, follow_redirects=False)


async def scene(world: World) -> tuple[Person, Person, Json]:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    need = await world.open_need(owner, await world.organisation(owner))
    return owner, worker, await world.submitted_claim(worker, owner, need)


async def test_two_sides_settle_a_dispute_on_the_claims_page(world: World) -> None:
    owner, worker, claim = await scene(world)
    page = f"/claims/{claim['id']}"
    assert "Your answer is awaited" in await page_of(owner, page)
    empty = await send(owner, page, f"{page}/transitions", to="disputed", **{"from": "claim"})
    assert empty.status_code == 422
    moved = await send(
        owner, page, f"{page}/transitions", to="disputed", reason="too long", **{"from": "claim"}
    )
    assert (moved.status_code, moved.headers["location"].partition("?")[0]) == (303, page)
    seen = await page_of(worker, page)
    assert "too long" in seen
    assert "Agree between you" in seen
    for person, notice in ((worker, "settled"), (owner, "agreed")):
        answer = await send(person, page, f"{page}/settlement", hours="1", minutes="0")
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == f"{page}?notice={notice}"
    assert "Both of you say the same" in await page_of(owner, f"{page}?notice=agreed")
    seen = await page_of(worker, page)
    assert "In the book: 1 h" in seen
    assert "Agree between you" not in seen
    assert (await worker.get("/me/contributions"))["total_minutes"] == 60
    stranger = await world.sign_up("stranger")
    assert (await stranger.http.get(page, headers=HTML)).status_code == 404


async def test_both_sides_find_their_messages_from_the_claims_page(world: World) -> None:
    owner, worker, claim = await scene(world)
    page = f"/claims/{claim['id']}"
    link = f'href="{page}/messages"'
    assert link in await page_of(worker, page)
    sent = await send(worker, f"{page}/messages", f"{page}/messages", body="It works again.")
    assert sent.status_code == 303, sent.text
    seen = await page_of(owner, page)
    assert link in seen
    assert "1 unread message" in seen


async def test_whoever_was_drawn_decides_on_the_panels_page(world: World) -> None:
    steward, other = await world.set_up(), await world.sign_up("other")
    await world.organisation(other, "Other house")
    owner, worker, claim = await scene(world)
    await owner.move(f"/claims/{claim['id']}", "disputed", "it was <b>another</b> task")
    await worker.move(f"/claims/{claim['id']}", "panel_review")
    async with world.runtime.engine.connect() as connection:
        panel_id = (await connection.execute(text("SELECT id FROM panels"))).scalar_one()
    page = f"/panels/{panel_id}"
    assert (await owner.http.get(page, headers=HTML)).status_code == 404
    assert page in await page_of(steward, "/me/claims")
    seen = await page_of(steward, page)
    assert "it was &lt;b&gt;another&lt;/b&gt; task" in seen
    assert "Move our site" in seen
    unsaid = await send(steward, page, f"{page}/decision", hours="0", minutes="0", reason="")
    assert unsaid.status_code == 422
    for judge in (steward, other):
        answer = await send(
            judge, page, f"{page}/decision", hours="0", minutes="30", reason="half an hour"
        )
        assert answer.status_code == 303, answer.text
    assert "It is decided" in await page_of(other, page)
    seen = await page_of(worker, f"/claims/{claim['id']}")
    assert "half an hour" in seen
    assert (await worker.get("/me/contributions"))["total_minutes"] == 30


async def test_a_seat_is_given_up_on_the_page(world: World) -> None:
    owner, worker, claim = await scene(world)
    steward = await world.set_up()
    await owner.move(f"/claims/{claim['id']}", "disputed", "no")
    await worker.move(f"/claims/{claim['id']}", "panel_review")
    async with world.runtime.engine.connect() as connection:
        panel_id = (await connection.execute(text("SELECT id FROM panels"))).scalar_one()
    page = f"/panels/{panel_id}"
    answer = await send(steward, page, f"{page}/refusal")
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/me/claims")
    assert (await steward.http.get(page, headers=HTML)).status_code == 404


async def test_credited_work_is_disputed_at_its_entry_where_worker_owners_keep_the_book(
    world: World,
) -> None:
    owner, worker, claim = await scene(world)
    page = f"/claims/{claim['id']}"
    await world.confirm(owner, claim)
    assert 'value="disputed"' in await page_of(worker, page)
    seen = await worker.get(page)
    assert ("disputed" in seen["possible_transitions"], seen["disputed_at_entry"]) == (True, None)
    (book,) = (await owner.get("/books"))["items"]
    home = f"/organisations/{book['organisation']['id']}"
    await owner.post(f"{home}/ownership", {"currency": "EUR"}, key="ownership")
    entry = f"/entries/{seen['confirmation']['entry_id']}"
    for person in (worker, owner):
        shown = await page_of(person, page)
        assert 'value="disputed"' not in shown
        assert "its entry is disputed" in shown
        assert "Until" not in shown
        seen = await person.get(page)
        assert seen["possible_transitions"] == []
        assert f"/entries/{seen['disputed_at_entry']}" == entry
    assert f'href="{entry}/dispute"' in await page_of(worker, page)
    # Who is no worker-owner reads the entry and disputes nothing.
    assert f'href="{entry}"' in await page_of(owner, page)
    cards = await page_of(worker, "/me/claims")
    assert 'value="disputed"' not in cards
    begun = await send(worker, f"{entry}/dispute", f"{entry}/dispute", reason="It was more")
    assert begun.status_code == 303
    there = begun.headers["location"].partition("?")[0]
    assert f'href="{there}"' in await page_of(worker, page)


async def test_a_claim_of_a_member_says_so_and_another_member_confirms_it(world: World) -> None:
    owner, member = await world.sign_up("owner"), await world.sign_up("member")
    stranger = await world.sign_up("stranger")
    organisation = await world.organisation(owner)
    home = f"/organisations/{organisation['id']}"
    await owner.post(f"{home}/members", {"handle": "member", "role": "member"})
    need = await world.open_need(owner, organisation, places=3)
    claims = {
        person: await world.submitted_claim(person, owner, need) for person in (member, stranger)
    }
    said = "A member of the organisation itself"
    inside, outside = claims[member], claims[stranger]
    for reader in (owner, member):
        page = await Reader(world, reader).open(f"/claims/{inside['id']}")
        assert said in page.main.text
    assert said not in (await Reader(world, owner).open(f"/claims/{outside['id']}")).main.text
    listed = (await Reader(world, owner).open(f"{home}/claims")).main
    assert said in listed.one(id=f"claim-{inside['id']}").text
    assert said not in listed.one(id=f"claim-{outside['id']}").text
    shown = [
        (await owner.get(f"/claims/{one['id']}"))["worker_is_member"] for one in claims.values()
    ]
    assert shown == [True, False]
    # No road leads to confirming one's own, whatever one is of the organisation.
    path, sent = f"/claims/{inside['id']}/confirmation", {"minutes": 90, "stream": "gift"}
    refused = await member.post(path, sent, key="own", expect=403)
    assert refused["code"] == "confirmation_own"
    await owner.post(f"{home}/members", {"handle": "stranger", "role": "owner"})
    late = await stranger.post(
        f"/claims/{outside['id']}/confirmation", sent, key="late", expect=403
    )
    assert late["code"] == "confirmation_own"
    await world.confirm(owner, inside)
