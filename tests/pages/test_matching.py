"""Matching as pages, without a script: the profile, why a need fits, who could help."""

import re

from tests.api.test_notifications import token_of
from tests.factories.world import World


async def test_the_profile_opens_and_a_need_says_why_it_fits(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    need = await world.open_need(owner, await world.organisation(owner))
    body = {"skills": [{"slug": "wordpress"}], "languages": ["en"], "findable": True}
    assert (await worker.ask("PUT", "/me/profile", json=body)).status_code == 200
    profile = await worker.http.get("/me/profile")
    assert profile.status_code == 200
    assert profile.text.count('name="part"') == 42
    page = await worker.http.get(f"/needs/{need['id']}")
    assert "Why this fits you" in page.text
    people = await owner.http.get(f"/needs/{need['id']}/workers")
    assert people.status_code == 200
    assert "@worker" in people.text
    assert (await worker.http.get(f"/needs/{need['id']}/workers")).status_code == 403


async def test_the_board_works_without_a_script(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    need = await world.open_need(owner, await world.organisation(owner))
    page = (await worker.http.get("/me/board")).text
    assert "Pick three skills" in page
    body = {"skills": [{"slug": "wordpress"}], "languages": ["en"], "hours_per_week": 5}
    assert (await worker.ask("PUT", "/me/profile", json=body)).status_code == 200
    page = (await worker.http.get("/me/board")).text
    assert need["title"] in page
    table = page[page.index("<table") : page.index("</table>")]
    points = [
        int(sign + number) if sign == "+" else -int(number)
        for sign, number in re.findall(r'aria-hidden="true">([+−]?)(\d+)<', table)
        if int(number)
    ]
    total = re.search(r"(\d+) of 100", table[table.index("<tfoot>") :])
    assert total
    assert sum(points) == int(total[1]) > 0
    form = {**await token_of(worker), "from": "board"}
    path = f"/needs/{need['id']}/dismissal"
    sent = await worker.http.post(path, data={**form, "act": "dismiss"})
    assert sent.headers["location"] == "/me/board?notice=dismissed"
    page = (await worker.http.get("/me/board")).text
    assert "1 need you sent off your board" in page
    assert "<table" not in page
    assert (await worker.http.post(path, data={**form, "act": "restore"})).status_code == 303
    assert "<table" in (await worker.http.get("/me/board")).text
    assert (await world.stranger().http.get("/me/board")).status_code in {303, 401}


async def test_an_empty_board_shows_what_is_there_in_other_languages(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    need = await world.open_need(owner, await world.organisation(owner))
    body = {"skills": [{"slug": "wordpress"}], "languages": ["el"]}
    assert (await worker.ask("PUT", "/me/profile", json=body)).status_code == 200
    page = (await worker.http.get("/me/board")).text
    assert need["title"] not in page
    assert "Show 1 in another language" in page
    there = re.search(r'href="(/me/board[^"]+)"', page)
    assert there
    shown = (await worker.http.get(there[1])).text
    assert need["title"] in shown
    assert "In English, which you do not write" in shown
