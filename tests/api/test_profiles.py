"""Profiles by API: saved whole, from a version, with skills of the list."""

from typing import Any

from tests.factories.world import World

PROFILE = {
    "about": "I bake sites.",
    "skills": [{"slug": "css", "level": 1}, {"slug": "python", "level": 3}],
    "tags": ["sourdough"],
    "languages": ["ca", "en"],
    "hours_per_week": 5,
    "time_zone": "Europe/Madrid",
    "findable": True,
}


async def test_a_profile_is_empty_then_saved_then_replaced(world: World) -> None:
    worker = await world.sign_up("worker")
    before = await worker.ask("GET", "/me/profile")
    assert (before.json()["skills"], before.json()["version"]) == ([], 0)
    assert before.headers["etag"] == '"0"'

    saved = await worker.ask("PUT", "/me/profile", json=PROFILE)
    assert saved.status_code == 200
    assert [skill["slug"] for skill in saved.json()["skills"]] == ["python", "css"]
    blind = await worker.ask("PUT", "/me/profile", json=PROFILE)
    assert (blind.status_code, blind.json()["code"]) == (428, "if_match_required")
    headers = {"If-Match": saved.headers["etag"]}
    changed = {**PROFILE, "skills": [{"slug": "css", "level": 3}], "tags": []}
    replaced = await worker.ask("PUT", "/me/profile", json=changed, headers=headers)
    assert replaced.json()["skills"] == [{"slug": "css", "level": 3}]
    stale = await worker.ask("PUT", "/me/profile", json=PROFILE, headers=headers)
    assert (stale.status_code, stale.json()["code"]) == (412, "version_stale")
    assert (await worker.get("/me/profile"))["tags"] == []


async def test_faults_are_told_each_at_its_place(world: World) -> None:
    worker = await world.sign_up("worker")
    wrong: dict[str, Any] = {
        **PROFILE,
        "skills": [{"slug": "css"}, {"slug": "css"}, {"slug": "alchemy"}],
        "time_zone": "Mars/Base",
    }
    answer = await worker.ask("PUT", "/me/profile", json=wrong)
    assert answer.status_code == 422
    assert {(error["pointer"], error["code"]) for error in answer.json()["errors"]} == {
        ("/skills/1/slug", "skill_repeated"),
        ("/skills/2/slug", "skill_unknown"),
        ("/time_zone", "time_zone_unknown"),
    }
    assert (await worker.get("/me/profile"))["version"] == 0


async def test_a_token_needs_the_scope_and_a_stranger_an_account(world: World) -> None:
    worker = await world.sign_up("worker")
    body = {"name": "reader", "scopes": ["needs:read"], "expires_in_days": 1}
    token = (await worker.post("/me/tokens", body))["token"]
    tool = world.stranger()
    headers = {"Authorization": f"Bearer {token}"}
    answer = await tool.ask("PUT", "/me/profile", json=PROFILE, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert "profile:write" in answer.json()["detail"]
    assert (await world.stranger().ask("GET", "/me/profile")).status_code == 401


async def test_the_skills_are_named_in_the_language_asked_for(world: World) -> None:
    stranger = world.stranger()
    greek = await stranger.get("/skills", language="el")
    english = await stranger.get("/skills")
    assert [group["slug"] for group in greek["groups"]] == [
        group["slug"] for group in english["groups"]
    ]
    assert greek["groups"][0]["label"] == "Ιστότοποι"
    listed = [skill["slug"] for group in english["groups"] for skill in group["skills"]]
    assert len(listed) == len(set(listed)) > 100
    assert (await stranger.ask("GET", "/skills?colour=red")).status_code == 422
