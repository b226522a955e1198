"""People are told what concerns them: all of them, once, and no more than they may see."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.infra import clock
from app.infra.database import transaction
from tests.factories.world import PASSWORD, Json, Person, World


async def proven(world: World, handle: str, **account: Any) -> Person:
    """Somebody whose address is proven by the link that was mailed to it."""
    person = await world.sign_up(handle, email=f"{handle}@example.org", **account)
    await world.work()
    (letter,) = [each for each in letters(world, handle) if "/email/" in each]
    token = link_in(letter, "email")
    answer = await person.http.post(f"/email/{token}", data=await token_of(person))
    assert answer.status_code == 200
    return person


async def token_of(person: Person) -> dict[str, str]:
    """The token that this person's forms carry."""
    page = (await person.http.get("/notices")).text
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    return {"form_token": found[1] if found else ""}


NAME = "Test instance"


def letters(world: World, handle: str) -> list[str]:
    """The letters to somebody's address that were written as files."""
    found = []
    files = world.runtime.mailer.folder.glob("*.eml")
    for file in sorted(files, key=lambda each: each.stat().st_mtime_ns):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        if str(message["To"]).startswith(f"{handle}@"):
            body = message.get_body(("plain",))
            assert body is not None
            head = "\n".join(f"{name}: {value}" for name, value in message.items())
            found.append(f"{head}\n\n{body.get_content()}")
    return found


def link_in(letter: str, part: str) -> str:
    """The secret at the end of a link of this kind."""
    found = re.search(rf"/{part}/([\w/-]+)", letter)
    assert found, letter
    return found[1]


async def applied(world: World, worker: Person, owner: Person) -> tuple[Json, Json, Json]:
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation, title="Sew the banners", places=2)
    claim = await worker.post(f"/needs/{need['id']}/claims", {"note": "My private note"})
    await world.work()
    return organisation, need, claim


async def kinds(person: Person) -> list[str]:
    return [each["kind"] for each in (await person.get("/me/notifications"))["items"]]


async def test_rejected_applicants_are_told(world: World) -> None:
    """The failure "rejected applicants told nothing": in the app, and by mail at once."""
    owner = await world.sign_up("owner")
    worker = await proven(world, "worker")
    _, _, claim = await applied(world, worker, owner)
    assert "claim_applied" in await kinds(owner)
    await owner.move(f"/claims/{claim['id']}", "declined", "somebody was first")
    await world.work()
    found = (await worker.get("/me/notifications"))["items"][0]
    assert found["kind"] == "claim_declined"
    assert "Sew the banners" in found["title"]
    assert "Your application for “Sew the banners” was declined" in letters(world, "worker")[-1]


async def test_a_decision_mail_works_for_logged_out_people(world: World) -> None:
    """The failure "a decision mail that fails for logged-out people"."""
    owner = await world.sign_up("owner")
    worker = await proven(world, "worker")
    _, _, claim = await applied(world, worker, owner)
    await owner.move(f"/claims/{claim['id']}", "declined", "somebody was first")
    await world.work()
    token = link_in(letters(world, "worker")[-1], "notices/open")
    somebody = world.stranger()
    for _ in range(2):  # reading it, as mail scanners do, uses nothing up
        page = await somebody.http.get(f"/notices/open/{token}")
        assert page.status_code == 200
        assert "somebody was first" in page.text
    assert (await worker.get("/me/notifications"))["unread"] == 1
    assert (await somebody.http.post(f"/notices/open/{token}", data={"x": "1"})).status_code == 200
    assert (await worker.get("/me/notifications"))["unread"] == 0
    assert (await somebody.http.get(f"/notices/open/{token}")).status_code == 410
    assert (await somebody.http.get(f"/notices/open/{token}x")).status_code == 410


async def test_a_letter_has_one_address_and_can_be_stopped_in_one_press(world: World) -> None:
    """The failure "mail that shows everybody's address", and RFC 8058."""
    one, two = await proven(world, "one"), await proven(world, "two")
    organisation = await world.organisation(one)
    body = {"handle": "two", "role": "member"}
    await one.post(f"/organisations/{organisation['id']}/members", body)
    for person in (one, two):
        settings = await person.get("/me/notification-settings")
        changed = {"mail": {**settings["mail"], "applications": "at_once"}}
        assert (await put_settings(person, changed)).status_code == 200
    need = await world.open_need(one, organisation)
    worker = await world.sign_up("worker")
    await worker.post(f"/needs/{need['id']}/claims", {"note": "hello"})
    await world.work()
    for mine, other in (("one", "two"), ("two", "one")):
        letter = letters(world, mine)[-1]
        assert "Somebody wants to help" in letter
        assert f"{other}@example.org" not in letter
        assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in letter
        assert "Auto-Submitted: auto-generated" in letter
        assert "List-Id: <applications.127.0.0.1>" in letter
        assert f"From: {NAME} <noreply@" in letter
        assert f"{NAME} · {world.runtime.origin}" in letter, "whose letter it is, and where"
    path = "/notices/stop/" + link_in(letters(world, "one")[-1], "notices/stop")
    machine = world.stranger()
    assert (await machine.http.get(path)).status_code == 200
    assert (await one.get("/me/notification-settings"))["mail"]["applications"] == "at_once"
    pressed = await machine.http.post(path, data={"List-Unsubscribe": "One-Click"})
    assert pressed.status_code == 200
    assert (await one.get("/me/notification-settings"))["mail"]["applications"] == "off"
    assert (await two.get("/me/notification-settings"))["mail"]["applications"] == "at_once"


async def put_settings(person: Person, body: Json) -> Any:
    before = await person.get("/me/notification-settings")
    headers = {"If-Match": f'"{before["version"]}"'}
    return await person.ask("PUT", "/me/notification-settings", json=body, headers=headers)


async def test_a_discreet_letter_says_nothing(world: World) -> None:
    owner = await world.sign_up("owner")
    worker = await proven(world, "worker")
    assert (await put_settings(worker, {"discreet": True})).status_code == 200
    _, _, claim = await applied(world, worker, owner)
    await owner.move(f"/claims/{claim['id']}", "declined", "somebody was first")
    await world.work()
    newest = max(
        world.runtime.mailer.folder.glob("*.eml"), key=lambda each: each.stat().st_mtime_ns
    )
    rich = message_from_bytes(newest.read_bytes(), policy=policy.default).get_body(("html",))
    assert rich is not None
    letter = letters(world, "worker")[-1] + rich.get_content()
    assert letter.count("There is news for you") >= 2
    told = ("Sew the banners", "Forn Roig", "declined", "somebody was first", "decision")
    for secret in (NAME, *told):
        assert secret not in letter.replace("decisions.127.0.0.1", "").replace(
            "/stop/decisions", ""
        )


async def test_only_a_proven_address_gets_letters(world: World) -> None:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker", email="worker@example.org")
    _, _, claim = await applied(world, worker, owner)
    await owner.move(f"/claims/{claim['id']}", "declined", "no")
    await world.work()
    (only,) = letters(world, "worker")
    assert "Is this your address?" in only


async def test_a_changed_address_needs_the_password_and_tells_the_old_one(world: World) -> None:
    worker = await proven(world, "worker")
    new = {"email": "elsewhere@example.org"}
    assert (await worker.ask("PATCH", "/me", json=new)).status_code == 401
    answer = await worker.ask("PATCH", "/me", json={**new, "current_password": PASSWORD})
    assert answer.status_code == 200
    await world.work()
    assert "Your address was changed" in letters(world, "worker")[-1]
    assert "elsewhere@" not in letters(world, "worker")[-1]
    assert "Is this your address?" in letters(world, "elsewhere")[-1]
    assert (await worker.get("/me/notification-settings"))["email_proven"] is False


async def test_who_is_no_member_any_more_sees_no_notice(world: World) -> None:
    owner, member = await world.sign_up("owner"), await world.sign_up("member")
    worker = await world.sign_up("worker")
    organisation = await world.organisation(owner)
    body = {"handle": "member", "role": "member"}
    path = f"/organisations/{organisation['id']}/members"
    await world.work()  # what was before is not told to who comes later
    await owner.post(path, body)
    need = await world.open_need(owner, organisation, title="Sew the banners")
    await worker.post(f"/needs/{need['id']}/claims", {"note": "hello"})
    await world.work()
    assert set(await kinds(member)) == {"claim_applied", "member_added"}
    assert (await owner.ask("DELETE", f"{path}/{member.id}")).status_code == 204
    assert await kinds(member) == ["member_added"]
    await world.work()
    assert await kinds(member) == ["member_removed", "member_added"]


async def test_what_repeats_is_one_notice_with_a_count_until_it_is_read(world: World) -> None:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker")
    _, _, claim = await applied(world, worker, owner)
    first = (await owner.get("/me/notifications"))["items"][0]
    assert first["count"] == 1
    for _ in range(2):
        async with transaction(world.runtime.sessions) as session:
            record(session, SYSTEM, "claim.submitted", UUID(claim["id"]))
            record(session, SYSTEM, "claim.submitted", UUID(claim["id"]))
        await world.work()
    found = {each["kind"]: each for each in (await owner.get("/me/notifications"))["items"]}
    assert found["claim_submitted"]["count"] == 4
    body = {"ids": [found["claim_submitted"]["id"]]}
    assert await owner.post("/me/notifications/read", body, expect=200) == {"unread": 2}
    assert await owner.post("/me/notifications/read", {"all": True}, expect=200) == {"unread": 0}
    unread = await owner.get("/me/notifications", unread="true")
    assert unread["items"] == []
    only = await owner.get("/me/notifications", topic="organisations")
    assert [each["kind"] for each in only["items"]] == ["organisation_accepted"]


async def test_settings_are_ones_own_and_checked(world: World) -> None:
    person = await world.sign_up("person")
    settings = await person.get("/me/notification-settings")
    assert settings["mail"]["decisions"] == "at_once"
    assert {wish for topic, wish in settings["mail"].items() if topic != "decisions"} == {"daily"}
    assert (await put_settings(person, {"time_zone": "Nowhere/Land"})).status_code == 422
    assert (await put_settings(person, {"hour": 24})).status_code == 422
    stale = await person.ask(
        "PUT", "/me/notification-settings", json={}, headers={"If-Match": '"99"'}
    )
    assert stale.status_code == 412
    assert (
        await put_settings(person, {"hour": 6, "time_zone": "Europe/Athens"})
    ).status_code == 200
    assert (await person.get("/me/notification-settings"))["hour"] == 6


async def test_pages_show_notices_and_settings_without_javascript(world: World) -> None:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker")
    await applied(world, worker, owner)
    page = await owner.http.get("/notices")
    assert "Somebody wants to help with “Sew the banners”" in page.text
    token = await token_of(owner)
    first = (await owner.get("/me/notifications"))["items"][0]
    opened = await owner.http.post(
        "/notices", data={**token, "id": first["id"], "next": first["href"]}
    )
    assert opened.headers["location"].startswith("/organisations/")
    assert (await owner.get("/me/notifications"))["items"][0]["read_at"] is not None
    form = await owner.http.get("/notices/settings")
    assert form.status_code == 200
    topics = ("decisions", "reminders", "messages", "applications", "organisations", "stewardship")
    sent = {f"mail_{topic}": "weekly" for topic in (*topics, "matches")}
    sent |= {"hour": "7", "time_zone": "Europe/Athens", "language": "el", "version": "1", **token}
    saved = await owner.http.post("/notices/settings", data=sent)
    assert saved.headers["location"] == "/notices/settings?notice=changed"
    kept = await owner.get("/me/notification-settings")
    assert (kept["mail"]["messages"], kept["hour"], kept["language"]) == ("weekly", 7, "el")


async def test_a_reminder_is_answered_in_one_tap_by_whoever_is_not_signed_in(world: World) -> None:
    """At once or in the digest: the letter's own button keeps the place."""
    owner = await world.sign_up("owner")
    soon, later = await proven(world, "soon"), await proven(world, "later")
    body = {"mail": {"reminders": "at_once"}}
    assert (await put_settings(soon, body)).status_code == 200
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation, places=2, instant=True)
    for worker in (soon, later):
        await worker.post(f"/needs/{need['id']}/claims", {"note": ""})
    await world.work()
    with clock.moved(timedelta(days=3, hours=1)):
        await world.work()
        tokens = [link_in(letters(world, "soon")[-1], "still-on-it")]
    with clock.moved(timedelta(days=4, hours=2)):
        await world.work()
        tokens.append(link_in(letters(world, "later")[-1], "still-on-it"))
        assert "• " in letters(world, "later")[-1]
        for token in tokens:
            page = await world.stranger().http.get(f"/still-on-it/{token}")
            assert page.status_code == 200
            tap = world.stranger()
            sent = {**await token_of(tap), "x": "1"}
            assert (await tap.http.post(f"/still-on-it/{token}", data=sent)).status_code == 200
            again = await tap.http.post(f"/still-on-it/{token}", data=sent)
            assert again.status_code == 410
