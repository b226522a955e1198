"""Matching as pages, without a script: the profile, why a need fits, who could help."""

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
