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
    sent = {"version": "1", "languages": "en", "hours_per_week": "4", "time_zone": "UTC"}
    sent |= {"skills": "wordpress", "findable": "yes", **await token_of(worker)}
    kept = await worker.http.post("/me/profile", data=sent, follow_redirects=True)
    assert "The change is saved." in kept.text, kept.text
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


async def test_the_week_and_being_found_are_said_with_a_plain_form(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    need = await world.open_need(owner, await world.organisation(owner))
    form = {
        **await token_of(worker), "version": "0", "skills": ["wordpress"], "languages": ["en"],
        "hours_per_week": "5", "time_zone": "UTC", "about": "", "tags": "",
        "part": ["0-2", "6-5"], "hour": ["1-13", "9-99"], "findable": "yes",
    }  # fmt: skip
    assert (await worker.http.post("/me/profile", data=form)).status_code == 303
    saved = await worker.get("/me/profile")
    assert saved["availability"] == [[8, 9, 10, 11], [13], [], [], [], [], [20, 21, 22, 23]]
    page = (await worker.http.get("/me/profile")).text
    ticked = re.findall(r'name="(part|hour|findable)" value="([\w-]+)" checked', page)
    assert set(ticked) == {
        ("part", "0-2"), ("part", "6-5"), ("hour", "1-13"), ("findable", "yes"),
    }  # fmt: skip
    people = f"/needs/{need['id']}/workers"
    assert "@worker" in (await owner.http.get(people)).text
    asked = {**await token_of(owner), "account_id": worker.id}
    assert (await owner.http.post(people, data=asked)).status_code == 303
    assert "Invited" in (await owner.http.get(people)).text
    await world.work()
    kinds = [each["kind"] for each in (await worker.get("/me/notifications"))["items"]]
    assert "need_worker_invited" in kinds
    hidden = {name: value for name, value in form.items() if name != "findable"}
    sent = {**hidden, "version": str(saved["version"])}
    assert (await worker.http.post("/me/profile", data=sent)).status_code == 303
    assert "@worker" not in (await owner.http.get(people)).text
    refused = await owner.http.post(people, data=asked)
    assert refused.status_code == 404
    assert "@worker" not in refused.text
