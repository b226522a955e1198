"""Reports, the desk, holds with their appeal, and limited accounts, over HTTP."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.moderation.rules import DEEDS, PER_PERSON_A_DAY
from app.models.moderation import ReportAbout
from tests.factories.world import PASSWORD, Json, Person, World


class Story:
    """An organisation with a need, a worker on it, and somebody who looks on."""

    def __init__(self, world: World, people: dict[str, Person], need: Json, claim: Json) -> None:
        """Everybody is signed in."""
        self.world, self.need, self.claim = world, need, claim
        self.organisation_id = str(need["organisation"]["id"])
        self.owner, self.worker, self.other = people["owner"], people["worker"], people["other"]
        assert world.steward is not None
        self.steward = world.steward

    async def report(self, person: Person, about: str, subject: str, **body: Any) -> Json:
        """Report something that can be reported."""
        sent = {"about": about, "id": subject, "kind": "other", "words": "Look at this", **body}
        return await person.post("/reports", sent)

    async def decide(
        self, report: Json, deed: str, reason: str = "It says where somebody lives", **body: Any
    ) -> Json:
        """Decide on a report that waits."""
        sent = {"deed": deed, "reason": reason, **body}
        headers = {"If-Match": f'"{body.pop("version", 1)}"'}
        sent.pop("version", None)
        path = f"/reports/{report['id']}/transitions"
        answer = await self.steward.ask("POST", path, json=sent, headers=headers)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def hold(self, reason: str = "A phone number") -> Json:
        """Hold the need."""
        return await self.steward.post(f"/needs/{self.need['id']}/holds", {"reason": reason})

    async def end(self, hold: Json, to: str, reason: str = "", expect: int = 200) -> Json:
        """Let the need go, or take it down."""
        headers = {"If-Match": f'"{hold["version"]}"'}
        path, body = f"/holds/{hold['id']}/transitions", {"to": to, "reason": reason}
        answer = await self.steward.ask("POST", path, json=body, headers=headers)
        assert answer.status_code == expect, answer.text
        found: Json = answer.json()
        return found

    async def kinds(self, person: Person) -> list[str]:
        """Return of what somebody was told, newest first."""
        await self.world.work()
        return [item["kind"] for item in (await person.get("/me/notifications"))["items"]]


@pytest.fixture
async def story(world: World) -> Story:
    people = {name: await world.sign_up(name) for name in ("owner", "worker", "other")}
    organisation = await world.organisation(people["owner"])
    need = await world.open_need(people["owner"], organisation, places=2)
    claim = await people["worker"].post(f"/needs/{need['id']}/claims", {"note": "I can"})
    return Story(world, people, need, claim)


async def subjects(story: Story) -> dict[str, tuple[Person, str]]:
    """One of each kind that can be reported, with somebody who can see it."""
    path = f"/needs/{story.need['id']}/questions"
    question = await story.other.post(path, {"body": "Send me your passwords"})
    path = f"/claims/{story.claim['id']}/messages"
    message = await story.worker.post(path, {"body": "Pay me first"})
    return {
        "need": (story.other, story.need["id"]),
        "organisation": (story.other, story.organisation_id),
        "question": (story.worker, question["id"]),
        "message": (story.owner, message["id"]),
        "worker": (story.owner, story.claim["id"]),
    }


@pytest.mark.parametrize("about", [about.value for about in ReportAbout])
async def test_what_one_sees_can_be_reported_and_stewards_read_it_in_its_context(
    story: Story, about: str
) -> None:
    person, subject = (await subjects(story))[about]
    made = await story.report(person, about, subject)
    found = await story.steward.get(f"/reports/{made['id']}")
    assert (found["about"], found["subject_id"], found["words"]) == (about, subject, "Look at this")
    assert found["reporter"] == person.me["account"]["handle"]
    assert found["possible_deeds"] == [deed.value for deed in DEEDS[ReportAbout(about)]]
    said = {"question": "Send me your passwords", "message": "Pay me first"}
    if about != "worker":
        assert said.get(about, "") in found["said"] != ""
    listed = await story.steward.get("/reports")
    assert [item["id"] for item in listed["items"]] == [made["id"]]
    assert listed["waiting"] == 1
    assert "report_waits" in await story.kinds(story.steward)
    assert "report_waits" not in await story.kinds(story.owner)


@pytest.mark.parametrize("about", ["need", "organisation", "question", "message", "worker"])
async def test_what_one_cannot_see_cannot_be_reported(story: Story, about: str) -> None:
    person, subject = (await subjects(story))[about]
    hidden = await story.world.draft(story.owner, {"id": story.organisation_id})
    proposed = await story.owner.post("/organisations", {"name": "Not accepted yet"})
    unseen = {
        "need": hidden["id"],
        "organisation": proposed["id"],
        "question": story.claim["id"],
        "message": subject,
        "worker": subject,
    }[about]
    body = {"about": about, "id": unseen, "kind": "spam", "words": ""}
    answer = await story.other.ask("POST", "/reports", json=body)
    assert answer.status_code == 404, answer.text
    assert (await story.steward.get("/reports"))["items"] == []
    await story.report(person, about, subject)


async def test_the_stewards_do_not_report_out_of_threads_that_are_not_theirs(story: Story) -> None:
    _, message = (await subjects(story))["message"]
    body = {"about": "message", "id": message, "kind": "spam", "words": ""}
    assert (await story.steward.ask("POST", "/reports", json=body)).status_code == 404


async def test_nobody_reports_their_own(story: Story) -> None:
    found = await subjects(story)
    for person, about in ((story.other, "question"), (story.worker, "worker")):
        body = {"about": about, "id": found[about][1], "kind": "spam", "words": ""}
        answer = await person.ask("POST", "/reports", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "report_of_oneself")


async def test_the_same_again_while_it_waits_is_the_same_report(story: Story) -> None:
    first = await story.report(story.other, "need", story.need["id"])
    body = {"about": "need", "id": story.need["id"], "kind": "spam", "words": "And this"}
    again = await story.other.post("/reports", body, expect=200)
    assert (again["id"], again["words"]) == (first["id"], "And this")
    asks = [story.other.ask("POST", "/reports", json=body) for _ in range(5)]
    assert {a.json()["id"] for a in await asyncio.gather(*asks)} == {first["id"]}
    await story.decide(first, "let_be", version=2)
    assert (await story.report(story.other, "need", story.need["id"]))["id"] != first["id"]


async def test_ten_clicks_at_once_are_one_report(story: Story) -> None:
    body = {"about": "need", "id": story.need["id"], "kind": "spam", "words": "x"}
    answers = await asyncio.gather(
        *(story.other.ask("POST", "/reports", json=body) for _ in range(10))
    )
    assert sorted(a.status_code for a in answers) == [200] * 9 + [201]
    assert len((await story.steward.get("/reports"))["items"]) == 1


async def test_one_person_reports_so_much_a_day(story: Story) -> None:
    organisation = {"id": story.organisation_id}
    needs = [
        await story.world.open_need(story.owner, organisation, title=f"Need {number}")
        for number in range(PER_PERSON_A_DAY + 1)
    ]
    for need in needs[:-1]:
        await story.report(story.other, "need", need["id"])
    body = {"about": "need", "id": needs[-1]["id"], "kind": "spam", "words": ""}
    refused = await story.other.ask("POST", "/reports", json=body)
    assert (refused.status_code, refused.json()["code"]) == (429, "reports_limit")
    await story.report(story.worker, "need", needs[-1]["id"])


async def test_reports_wait_in_the_order_in_which_they_came_a_page_at_a_time(story: Story) -> None:
    first = await story.report(story.other, "need", story.need["id"])
    second = await story.report(story.worker, "need", story.need["id"])
    third = await story.report(story.owner, "worker", story.claim["id"])
    page = await story.steward.get("/reports", limit=2)
    assert [item["id"] for item in page["items"]] == [first["id"], second["id"]]
    rest = await story.steward.get("/reports", limit=2, cursor=page["next_cursor"])
    assert [item["id"] for item in rest["items"]] == [third["id"]]
    detail = await story.steward.get(f"/reports/{first['id']}")
    assert [other["id"] for other in detail["others"]] == [second["id"]]


async def test_a_decision_settles_the_reports_that_were_seen_and_tells_each_reporter(
    story: Story,
) -> None:
    seen = await story.report(story.other, "need", story.need["id"])
    too = await story.report(story.worker, "need", story.need["id"])
    elsewhere = await story.report(story.owner, "worker", story.claim["id"])
    settled = await story.decide(seen, "held", also=[too["id"], elsewhere["id"]])
    assert (settled["state"], settled["said"]) == ("looked_at", "")
    (deed,) = settled["history"]
    assert (deed["deed"], deed["account_id"]) == ("held", story.steward.id)
    left = (await story.steward.get("/reports"))["items"]
    assert [item["id"] for item in left] == [elsewhere["id"]]
    assert "report_looked_at" in await story.kinds(story.other)
    assert "report_looked_at" in await story.kinds(story.worker)
    assert "report_looked_at" not in await story.kinds(story.owner)
    assert (await story.owner.get(f"/needs/{story.need['id']}"))["state"] == "held"


async def test_of_two_stewards_the_second_is_told_what_the_first_did(story: Story) -> None:
    report = await story.report(story.other, "need", story.need["id"])
    path = f"/reports/{report['id']}/transitions"
    headers = {"If-Match": '"1"'}
    bodies = [{"deed": "held", "reason": "A phone number"}, {"deed": "let_be"}]
    answers = await asyncio.gather(
        *(story.steward.ask("POST", path, json=body, headers=headers) for body in bodies)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    won = next(a.json() for a in answers if a.status_code == 200)["history"][-1]["deed"]
    late = next(a.json() for a in answers if a.status_code == 412)
    assert (late["code"], late["state"], late["deed"]) == ("report_looked_at", "looked_at", won)
    state = (await story.owner.get(f"/needs/{story.need['id']}"))["state"]
    assert state == ("held" if won == "held" else "open")
    assert len((await story.steward.get(f"/reports/{report['id']}"))["history"]) == 1


async def test_newer_words_are_read_before_anybody_decides(story: Story) -> None:
    report = await story.report(story.other, "need", story.need["id"])
    body = {"about": "need", "id": story.need["id"], "kind": "dangerous", "words": "Much worse"}
    await story.other.post("/reports", body, expect=200)
    path = f"/reports/{report['id']}/transitions"
    stale = await story.steward.ask(
        "POST", path, json={"deed": "let_be"}, headers={"If-Match": '"1"'}
    )
    assert stale.status_code == 412
    await story.decide(report, "let_be", version=2)


async def test_only_what_fits_is_done_and_always_with_a_reason(story: Story) -> None:
    report = await story.report(story.other, "need", story.need["id"])
    path, headers = f"/reports/{report['id']}/transitions", {"If-Match": '"1"'}
    wrong = await story.steward.ask("POST", path, json={"deed": "limited"}, headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "deed_impossible")
    assert wrong.json()["possible"] == ["let_be", "held", "suspended"]
    bare = await story.steward.ask(
        "POST", path, json={"deed": "held", "reason": "  "}, headers=headers
    )
    assert (bare.status_code, bare.json()["code"]) == (422, "reason_required")
    assert (await story.steward.get(f"/reports/{report['id']}"))["state"] == "waiting"
    await story.decide(report, "held")


async def test_a_question_is_hidden_and_its_author_is_told_why(story: Story) -> None:
    _, question = (await subjects(story))["question"]
    path = f"/needs/{story.need['id']}/questions"
    report = await story.report(story.worker, "question", question)
    assert [q["id"] for q in (await story.worker.get(path))["items"]] == [question]
    await story.decide(report, "hidden", "Nobody asks for passwords")
    assert (await story.worker.get(path))["items"] == []
    (own,) = (await story.other.get(path))["items"]
    assert own["hidden_reason"] == "Nobody asks for passwords"
    assert "need_question_hidden" in await story.kinds(story.other)


async def test_a_message_is_hidden_from_the_other_side_with_its_file(story: Story) -> None:
    path = f"/claims/{story.claim['id']}/messages"
    sent = await story.worker.ask(
        "POST", "/files", params={"claim_id": story.claim["id"]},
        files={"file": ("a.txt", b"words", "text/plain")},
    )  # fmt: skip
    file_id = sent.json()["id"]
    message = await story.worker.post(path, {"body": "Pay me first", "file_ids": [file_id]})
    assert (await story.owner.ask("GET", f"/files/{file_id}")).status_code == 200
    report = await story.report(story.owner, "message", message["id"])
    await story.decide(report, "hidden", "That is not how it works here")
    (theirs,) = (await story.owner.get(path))["items"]
    assert (theirs["body"], theirs["files"], theirs["hidden"]) == ("", [], True)
    assert theirs["hidden_reason"] == ""
    assert (await story.owner.ask("GET", f"/files/{file_id}")).status_code == 404
    (own,) = (await story.worker.get(path))["items"]
    assert own["body"] == "Pay me first"
    assert own["hidden_reason"] == "That is not how it works here"
    assert (await story.worker.ask("GET", f"/files/{file_id}")).status_code == 200
    assert "claim_message_hidden" in await story.kinds(story.worker)


async def test_what_was_reported_is_kept_as_it_read_until_somebody_looked(story: Story) -> None:
    _, message = (await subjects(story))["message"]
    report = await story.report(story.owner, "message", message)
    await story.worker.ask("DELETE", f"/claims/{story.claim['id']}/messages/{message}")
    found = await story.steward.get(f"/reports/{report['id']}")
    assert found["said"] == "Pay me first"
    assert (await story.decide(report, "let_be"))["said"] == ""


async def test_a_held_need_is_hidden_from_all_but_its_people_and_the_stewards(
    story: Story,
) -> None:
    need = f"/needs/{story.need['id']}"
    hold = await story.hold()
    for person in (story.worker, story.other, story.world.stranger()):
        assert (await person.ask("GET", need)).status_code == 410
        for listed in ("/needs", "/needs?state=any", "/needs?q=server"):
            assert story.need["id"] not in (await person.ask("GET", listed)).text
        assert (await person.ask("GET", f"{need}/questions")).status_code == 410
    for person in (story.owner, story.steward):
        found = await person.get(need)
        assert (found["state"], found["state_reason"]) == ("held", "A phone number")
        assert (await person.get(f"{need}/hold"))["reason"] == "A phone number"
    for person in (story.worker, story.other):
        assert (await person.ask("GET", f"{need}/hold")).status_code == 404
    assert "need_held" in await story.kinds(story.owner)
    assert "claim_need_held" in await story.kinds(story.worker)
    await story.end(hold, "released")
    for person in (story.worker, story.other, story.world.stranger()):
        assert (await person.get(need))["state"] == "open"
        assert story.need["id"] in (await person.ask("GET", "/needs")).text
    assert "need_released" in await story.kinds(story.owner)
    assert "claim_need_released" in await story.kinds(story.worker)


async def test_nobody_is_let_in_while_a_need_is_held_and_work_that_was_done_counts(
    story: Story,
) -> None:
    need, claim = f"/needs/{story.need['id']}", f"/claims/{story.claim['id']}"
    await story.owner.move(claim, "accepted")
    late = await story.other.post(f"{need}/claims", {"note": ""})
    hold = await story.hold()
    refused = await story.owner.ask(
        "POST", f"/claims/{late['id']}/transitions", json={"to": "accepted"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "need_held")
    new = await (await story.world.sign_up("new")).ask("POST", f"{need}/claims", json={})
    assert new.status_code == 410
    own = await story.steward.ask("POST", f"{need}/claims", json={})
    assert (own.status_code, own.json()["code"]) == (409, "need_not_open")
    log = {"worked_on": "2026-03-02", "minutes": 90, "note": ""}
    await story.worker.post(f"{claim}/work-logs", log)
    await story.worker.move(claim, "submitted")
    confirmed = await story.world.confirm(story.owner, story.claim)
    assert confirmed["claim"]["state"] == "confirmed"
    total = (await story.worker.get("/me/contributions"))["items"]
    assert [item["minutes"] for item in total] == [90]
    await story.end(hold, "released")
    assert (await story.owner.move(f"/claims/{late['id']}", "accepted"))["state"] == "accepted"


async def test_a_need_whose_last_work_was_confirmed_while_it_was_held_is_done(
    story: Story,
) -> None:
    organisation = {"id": story.organisation_id}
    need = await story.world.open_need(story.owner, organisation, instant=True)
    claim = await story.world.submitted_claim(story.worker, story.owner, need)
    hold = await story.steward.post(f"/needs/{need['id']}/holds", {"reason": "Let us look"})
    await story.world.confirm(story.owner, claim)
    assert (await story.owner.get(f"/needs/{need['id']}"))["state"] == "held"
    await story.end(hold, "released")
    assert (await story.owner.get(f"/needs/{need['id']}"))["state"] == "done"


@pytest.mark.parametrize("state", ["paused", "in_progress"])
async def test_a_released_need_is_where_it_was_with_its_reason(story: Story, state: str) -> None:
    need = f"/needs/{story.need['id']}"
    await story.owner.move(need, state, "We are away")
    hold = await story.hold()
    assert hold["state_before"] == state
    await story.end(hold, "released", "Cleared")
    found = await story.owner.get(need)
    assert (found["state"], found["state_reason"]) == (state, "We are away")


async def test_a_need_of_an_organisation_that_was_suspended_meanwhile_rests(
    story: Story,
) -> None:
    organisation = f"/organisations/{story.organisation_id}"
    hold = await story.hold()
    await story.steward.move(organisation, "suspended", "Not what it says")
    await story.world.work()
    await story.end(hold, "released")
    found = await story.steward.get(f"/needs/{story.need['id']}")
    assert (found["state"], found["state_reason"]) == ("paused", "organisation_suspended")
    await story.steward.move(organisation, "accepted")
    await story.world.work()
    assert (await story.steward.get(f"/needs/{story.need['id']}"))["state"] == "open"


async def test_what_was_never_shown_cannot_be_held(story: Story) -> None:
    draft = await story.world.draft(story.owner, {"id": story.organisation_id})
    path = f"/needs/{draft['id']}/holds"
    refused = await story.steward.ask("POST", path, json={"reason": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "transition_impossible")
    await story.hold()
    again = await story.steward.ask(
        "POST", f"/needs/{story.need['id']}/holds", json={"reason": "x"}
    )
    assert again.status_code == 409


async def test_members_mend_a_held_need_and_appeal_once(story: Story) -> None:
    hold = await story.hold()
    need = await story.owner.get(f"/needs/{story.need['id']}")
    await story.owner.change(f"/needs/{need['id']}", {"body": "Without it"}, need["version"])
    path, words = f"/holds/{hold['id']}/appeal", {"words": "The number is gone"}
    answered = await story.owner.post(path, words, expect=200)
    assert (answered["appeal"], answered["version"]) == ("The number is gone", 3)
    again = await story.owner.ask("POST", path, json=words)
    assert (again.status_code, again.json()["code"]) == (409, "hold_appealed")
    assert (await story.worker.ask("POST", path, json=words)).status_code == 404
    assert "need_appealed" in await story.kinds(story.steward)
    (listed,) = (await story.steward.get("/holds"))["items"]
    assert listed["appeal"] == "The number is gone"
    assert (await story.steward.get("/reports"))["appeals"] == 1
    await story.end(hold, "released", expect=412)  # whoever has not read the appeal
    await story.end(answered, "released")
    assert (await story.owner.get(f"/needs/{need['id']}"))["body"] == "Without it"
    over = await story.owner.ask("POST", path, json=words)
    assert (over.status_code, over.json()["code"]) == (409, "hold_ended")


async def test_of_two_stewards_at_a_hold_the_second_is_told_what_became_of_it(
    story: Story,
) -> None:
    hold = await story.hold()
    answers = await asyncio.gather(
        *(
            story.steward.ask(
                "POST", f"/holds/{hold['id']}/transitions",
                json={"to": to, "reason": "Because"}, headers={"If-Match": '"1"'},
            )
            for to in ("released", "withdrawn")
        )
    )  # fmt: skip
    assert sorted(a.status_code for a in answers) == [200, 409]
    late = next(a.json() for a in answers if a.status_code == 409)
    state = (await story.owner.get(f"/needs/{story.need['id']}"))["state"]
    assert (late["code"], late["state"]) == ("hold_ended", state)


async def test_taking_down_sends_nobody_away_who_has_logged_work(story: Story) -> None:
    need, claim = f"/needs/{story.need['id']}", f"/claims/{story.claim['id']}"
    await story.owner.move(claim, "accepted")
    waiting = await story.other.post(f"{need}/claims", {"note": ""})
    log = {"worked_on": "2026-03-02", "minutes": 60, "note": ""}
    await story.worker.post(f"{claim}/work-logs", log)
    hold = await story.hold()
    refused = await story.end(hold, "withdrawn", "Dangerous", expect=409)
    assert refused["code"] == "need_has_live_claims"
    assert (await story.other.get(f"/claims/{waiting['id']}"))["state"] == "applied"
    await story.worker.move(claim, "submitted")
    await story.world.confirm(story.owner, story.claim, 60)
    ended = await story.end(hold, "withdrawn", "Dangerous")
    assert ended["end_reason"] == "Dangerous"
    assert (await story.other.get(f"/claims/{waiting['id']}"))["state"] == "declined"
    assert (await story.owner.get(need))["state"] == "withdrawn"
    assert (await story.worker.get(claim))["state"] == "confirmed"
    assert "need_taken_down" in await story.kinds(story.owner)
    assert "claim_declined" in await story.kinds(story.other)


async def test_taking_down_frees_whoever_has_not_begun(story: Story) -> None:
    await story.owner.move(f"/claims/{story.claim['id']}", "accepted")
    await story.end(await story.hold(), "withdrawn", "Not for us")
    found = await story.worker.get(f"/claims/{story.claim['id']}")
    assert found["state"] == "released"
    assert "claim_released" in await story.kinds(story.worker)


async def test_its_people_take_a_held_need_back_themselves(story: Story) -> None:
    await story.worker.move(f"/claims/{story.claim['id']}", "withdrawn")
    hold = await story.hold()
    await story.owner.move(f"/needs/{story.need['id']}", "withdrawn", "Then not")
    assert (await story.steward.get("/holds"))["items"] == []
    late = await story.end(hold, "released", expect=409)
    assert late["code"] == "hold_ended"


async def test_stewards_limit_and_free_an_account_and_its_person_is_told(story: Story) -> None:
    path = f"/accounts/{story.other.id}/transitions"
    bare = await story.steward.ask("POST", path, json={"to": "limited"})
    assert (bare.status_code, bare.json()["code"]) == (422, "reason_required")
    await story.steward.post(path, {"to": "limited", "reason": "Spam"}, expect=200)
    (listed,) = (await story.steward.get("/restrictions"))["items"]
    assert (listed["handle"], listed["state"], listed["reason"]) == ("other", "limited", "Spam")
    assert "account_limited" in await story.kinds(story.other)
    await story.steward.post(path, {"to": "active"}, expect=200)
    assert (await story.steward.get("/restrictions"))["items"] == []
    assert "account_unlimited" in await story.kinds(story.other)
    await story.report(story.other, "need", story.need["id"])


async def test_a_blocked_account_is_signed_out_everywhere_and_comes_back_whole(
    story: Story,
) -> None:
    token = await story.other.post(
        "/me/tokens", {"name": "tool", "scopes": ["needs:read"], "expires_in_days": 9}
    )
    tool = story.world.stranger()
    tool.http.headers["Authorization"] = f"Bearer {token['token']}"
    path = f"/accounts/{story.other.id}/transitions"
    await story.steward.post(path, {"to": "blocked", "reason": "Threats"}, expect=200)
    assert (await story.other.ask("GET", "/me")).status_code == 401
    assert (await tool.ask("GET", "/me")).status_code == 401
    signing_in = {"handle": "other", "password": PASSWORD}
    assert (await story.other.ask("POST", "/sessions", json=signing_in)).status_code == 401
    (listed,) = (await story.steward.get("/restrictions"))["items"]
    assert (listed["state"], listed["reason"]) == ("blocked", "Threats")
    await story.steward.post(path, {"to": "active"}, expect=200)
    assert (await story.other.ask("GET", "/me")).status_code == 401, "it signs in anew"
    assert (await story.other.ask("POST", "/sessions", json=signing_in)).is_success
    assert (await story.other.ask("GET", "/me")).status_code == 200


async def test_no_steward_ends_themselves_nor_two_each_other(story: Story) -> None:
    own = f"/accounts/{story.steward.id}/transitions"
    for to in ("limited", "blocked"):
        refused = await story.steward.ask("POST", own, json={"to": to, "reason": "x"})
        assert (refused.status_code, refused.json()["code"]) == (409, "oneself")
    second = await _steward(story)
    theirs = f"/accounts/{second.id}/transitions"
    body = {"to": "blocked", "reason": "x"}
    answers = await asyncio.gather(
        story.steward.ask("POST", theirs, json=body), second.ask("POST", own, json=body)
    )
    # Whoever comes second is the last one, or is signed out already.
    (refused,) = [a for a in answers if a.status_code != 200]
    assert refused.json()["code"] in {"last_steward", "sign_in_required"}
    left = "SELECT count(*) FROM accounts WHERE steward AND disabled_at IS NULL"
    async with story.world.runtime.engine.connect() as connection:
        assert (await connection.execute(text(left))).scalar_one() == 1


async def _steward(story: Story) -> Person:
    from app.domain.identity import actions as identity  # noqa: PLC0415
    from app.infra.database import transaction  # noqa: PLC0415

    second = await story.world.sign_up("second")
    async with transaction(story.world.runtime.sessions) as session:
        await identity.make_steward(session, "second", steward=True)
    return second


async def test_an_organisation_is_suspended_from_a_report(story: Story) -> None:
    subject = story.organisation_id
    report = await story.report(story.other, "organisation", subject)
    await story.decide(report, "suspended", "It collects addresses")
    found = await story.steward.get(f"/organisations/{subject}")
    assert found["state"] == "suspended"


async def test_a_worker_is_limited_from_a_report(story: Story) -> None:
    report = await story.report(story.owner, "worker", story.claim["id"])
    await story.decide(report, "limited", "Sends threats")
    (listed,) = (await story.steward.get("/restrictions"))["items"]
    assert listed["handle"] == "worker"
