"""Who reported is told to nobody but the stewards: a canary over all that the others can get."""

import io
import logging
import zipfile

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text

from app.pages.router import PARTS
from tests.factories.world import Json, Person, World

CANARY = "quercusreporter"
WORDS = "Suber canary words of the report"


async def everything(person: Person, world: World, ids: dict[str, str]) -> str:
    """Return all that somebody can read: every route of the API and every page that opens."""
    found = []
    schema = world.application.openapi()
    for path, methods in schema["paths"].items():
        if "get" not in methods or "activity-stream" in path or "/export" in path:
            continue
        address = path.format_map(ids)
        found.append((await person.http.get(address)).text)
    for part in PARTS:
        for route in part.router.routes:
            if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
                address = route.path.replace(":uuid", "").replace(":path", "").format_map(ids)
                found.append((await person.http.get(address)).text)
    return "\n".join(found)


class Ids(dict[str, str]):
    """The ids of paths; what is not known is some id."""

    def __missing__(self, key: str) -> str:
        """Return an id that nothing has."""
        return "00000000-0000-4000-8000-000000000000"


async def told(world: World, people: dict[str, Person]) -> tuple[Json, Ids]:
    """Report everything there is about an organisation and its people, and decide on it all."""
    owner, worker, reporter = people["owner"], people["worker"], people["reporter"]
    steward = world.steward
    assert steward is not None
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation, places=2)
    claim = await worker.post(f"/needs/{need['id']}/claims", {"note": ""})
    asked = await worker.post(f"/needs/{need['id']}/questions", {"body": "When?"})
    reports = []
    for about, subject in (
        ("question", asked["id"]), ("organisation", organisation["id"]), ("need", need["id"]),
    ):  # fmt: skip
        body = {"about": about, "id": subject, "kind": "hateful", "words": WORDS}
        reports.append(await reporter.post("/reports", body))
    for report, deed in zip(reports, ("hidden", "let_be", "held"), strict=True):
        body = {"deed": deed, "reason": "As we see it"}
        headers = {"If-Match": '"1"'}
        path = f"/reports/{report['id']}/transitions"
        answer = await steward.ask("POST", path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    hold = await owner.get(f"/needs/{need['id']}/hold")
    await world.work()
    return organisation, Ids(
        need_id=need["id"], claim_id=claim["id"], organisation_id=organisation["id"],
        question_id=asked["id"], report_id=reports[2]["id"], hold_id=hold["id"],
        account_id=reporter.id, language="en", handle=CANARY,
    )  # fmt: skip


@pytest.fixture
async def people(world: World) -> dict[str, Person]:
    return {
        "owner": await world.sign_up("owner", email="owner@example.org"),
        "worker": await world.sign_up("worker", email="worker@example.org"),
        "reporter": await world.sign_up(CANARY, display_name=CANARY),
    }


async def test_nothing_that_the_reported_can_read_names_the_reporter(
    world: World, people: dict[str, Person], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        organisation, ids = await told(world, people)
    reporter = people["reporter"]
    secrets = (CANARY, WORDS, reporter.id)
    # The stewards read it, so the canary is where it is looked for.
    assert world.steward is not None
    seen = await everything(world.steward, world, ids)
    assert CANARY in seen
    assert WORDS in seen
    for name in ("owner", "worker"):
        # What is asked for by the reporter's own id says that id back, and nothing of them.
        own = Ids({**ids, "account_id": people[name].id, "handle": name})
        seen = await everything(people[name], world, own)
        assert [secret for secret in secrets if secret in seen] == [], name
    answer = await people["owner"].ask("GET", f"/organisations/{organisation['id']}/export")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        exported = "\n".join(archive.read(name).decode() for name in archive.namelist())
    assert "As we see it" in exported, "the reason of the hold is theirs"
    assert [secret for secret in secrets if secret in exported] == []
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert WORDS not in logged


async def test_what_is_written_down_of_a_report_names_nobody(
    world: World, people: dict[str, Person]
) -> None:
    await told(world, people)
    reporter = people["reporter"].id
    async with world.runtime.engine.begin() as connection:
        made = await connection.execute(
            text("SELECT count(*), count(account_id) FROM activities WHERE verb = 'report.made'")
        )
        assert tuple(made.one()) == (3, 0)
        for table in ("need_history", "report_history", "claim_history", "holds", "letters"):
            found = await connection.execute(
                text(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE :who"),  # noqa: S608
                {"who": f"%{reporter}%"},
            )
            assert found.scalar_one() == 0, table
        notices = await connection.execute(
            text(
                "SELECT count(*) FROM notices AS n WHERE n.account_id <> :own AND n::text LIKE :who"
            ),
            {"own": reporter, "who": f"%{reporter}%"},
        )
        assert notices.scalar_one() == 0


async def test_a_refused_report_says_nothing_of_what_was_reported_before(
    world: World, people: dict[str, Person]
) -> None:
    """The same answer to the first reporter and to the tenth: nobody reads off the others."""
    owner, worker = people["owner"], people["worker"]
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation)
    body = {"about": "need", "id": need["id"], "kind": "spam", "words": WORDS}
    first = await people["reporter"].post("/reports", body)
    second = await worker.post("/reports", {**body, "words": ""})
    assert set(first) == set(second)
    assert (second["words"], second["state"]) == ("", "waiting")
    assert first["id"] != second["id"]
