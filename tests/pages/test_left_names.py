"""Whoever left stands in the book under a pseudonym wherever others are shown a name (R14)."""

import io
import zipfile
from dataclasses import dataclass
from datetime import date
from secrets import token_hex

import pytest

from app.infra import clock
from app.infra.database import transaction
from app.models.identity import Account
from tests.factories.pdf import words_of
from tests.factories.periods import AFTER_OBJECTIONS, FIRST, LAST, Cooperative, cooperative
from tests.factories.world import Json, World
from tests.pages.reading import Reader

# No hash and no id can hold it: what is looked for is the name and nothing else.
GONE = "quim-rovira"
SHOWN = "Quim Rovira"
SOON = date(2026, 5, 4)


@dataclass
class Left:
    """A co-operative, who left it, and everything in it that speaks of them."""

    coop: Cooperative
    period: Json
    entry_id: str
    dispute: Json
    draft: Json
    decision: Json

    @property
    def book(self) -> str:
        return f"/books/{self.coop.book_id}"

    @property
    def pseudonym(self) -> str:
        return f"W-{self.coop.members[GONE].id[:8]}"


async def _slip(coop: Cooperative, by: str, worker: str, day: date) -> str:
    row = {"worker": worker, "worked_on": day.isoformat(), "minutes": 600, "stream": "livelihood"}
    body = {"slips": [{**row, "note": "on paper"}]}
    path = f"/books/{coop.book_id}/slips"
    written = await coop.members[by].post(path, body, key=token_hex(8))
    entry_id: str = written["entry_ids"][0]
    return entry_id


async def _closed(coop: Cooperative) -> Json:
    """Close a period in which the one who leaves worked, objected and signed."""
    for by, worker in ((GONE, "berta"), ("berta", GONE)):
        for day in (date(2026, 2, 2), date(2026, 2, 3)):
            await _slip(coop, by, worker, day)
    drafted = await coop.draw_up(await coop.open(LAST, 1_000_001, FIRST))
    path = f"/periods/{drafted['id']}"
    objection = await coop.members[GONE].post(
        f"{path}/objections", {"text": "Is a day missing?"}, key="object"
    )
    answer = {"kept": True, "answer": "No, it is there."}
    await coop.owner.post(
        f"/period-objections/{objection['id']}/answer", answer, key="answer", expect=200
    )
    with clock.moved(AFTER_OBJECTIONS):
        await coop.sign_in_again()
        for name in (GONE, "berta"):
            await coop.sign(drafted, name)
        await coop.world.work()
    await coop.sign_in_again()
    return await coop.owner.get(path)


@pytest.fixture
async def left(world: World) -> Left:
    """Quim worked, wrote slips, signed, disputed, drafted and voted; and left."""
    coop = await cooperative(world, GONE, "berta", "carla", "dora")
    quim = coop.members[GONE]
    await quim.ask("PATCH", "/me", json={"display_name": SHOWN})
    period = await _closed(coop)
    assert period["state"] == "locked"
    entry_id = await _slip(coop, "berta", GONE, SOON)
    path = f"/entries/{entry_id}/disputes"
    dispute = await quim.post(path, {"reason": "It was more"}, key="dispute")
    body = {
        "title": "Other rules", "reason": "Fairer.", "valid_from": "2027-01-01",
        "document": {"members_share": "1/4"},
    }  # fmt: skip
    draft = await quim.post(f"/books/{coop.book_id}/policy-drafts", body, key="draft")
    motion = {"subject": "policy", "subject_id": draft["id"]}
    decision = await quim.post(f"/books/{coop.book_id}/decisions", motion, key="motion")
    await quim.post(f"/decisions/{decision['id']}/votes", {"choice": "yes"}, key="v", expect=200)
    await quim.post(f"/books/{coop.book_id}/exits", key="exit")
    return Left(coop, period, entry_id, dispute, draft, decision)


def _served(left: Left) -> list[str]:
    """Everything of the API that speaks of them."""
    book, period = left.book, f"/periods/{left.period['id']}"
    return [
        book, f"{book}/entries", f"{book}/lines", f"{book}/pairs", f"{book}/disputes",
        f"{book}/policy-drafts", f"{book}/people", f"/entries/{left.entry_id}",
        f"/disputes/{left.dispute['id']}", f"/policy-drafts/{left.draft['id']}",
        f"/decisions/{left.decision['id']}", period, f"{period}/lines", f"{period}/statement",
        f"{period}/statement.csv", f"{period}/statements/{left.coop.members[GONE].id}",
        f"{book}/standing?account_id={left.coop.members[GONE].id}",
    ]  # fmt: skip


def _pages(left: Left) -> list[str]:
    """Every page that speaks of them."""
    book, period, who = left.book, f"/periods/{left.period['id']}", left.coop.members[GONE].id
    return [
        book, f"{book}/lines", f"{book}/lines?holder_id={who}", f"{book}/workers/{who}",
        f"{book}/pairs", f"{book}/disputes", f"{book}/people", f"{book}/standing/{who}",
        f"/entries/{left.entry_id}", f"/disputes/{left.dispute['id']}",
        f"/policy-drafts/{left.draft['id']}", f"/decisions/{left.decision['id']}",
        period, f"{period}/statement", f"{period}/statements/{who}",
    ]  # fmt: skip


async def test_others_read_a_pseudonym_everywhere(world: World, left: Left) -> None:
    carla = left.coop.members["carla"]
    found = {path: (await carla.ask("GET", path)) for path in _served(left)}
    assert {path: answer.status_code for path, answer in found.items()} == dict.fromkeys(found, 200)
    told = {path: answer.text for path, answer in found.items()}
    reader = Reader(world, carla)
    told |= {f"page {path}": (await reader.open(path)).answer.text for path in _pages(left)}
    preview = await carla.post(f"{left.book}/policy-preview", {"document": {}}, expect=200)
    told["preview"] = str(preview)
    period = f"/periods/{left.period['id']}"
    for path in (
        f"{period}/statement.pdf",
        f"{period}/statements/{left.coop.members[GONE].id}/file.pdf",
    ):
        told[path] = words_of((await reader.http.get(path)).content)
    names = (GONE, SHOWN)
    assert [path for path, text in told.items() if any(name in text for name in names)] == [
        f"page {left.book}/people"  # where it leads to the exit: somebody has to pay it
    ]
    assert [path for path, text in told.items() if left.pseudonym not in text] == []


async def test_they_themselves_read_their_own_name(world: World, left: Left) -> None:
    quim = left.coop.members[GONE]
    who, period = quim.id, f"/periods/{left.period['id']}"
    said = await quim.get(f"{period}/statements/{who}")
    assert [part["name"] for part in said["parts"]] == [SHOWN]
    page = await Reader(world, quim).open(f"{period}/statements/{who}")
    assert page.title == SHOWN
    file = await Reader(world, quim).http.get(f"{period}/statements/{who}/file.pdf")
    assert SHOWN in words_of(file.content)
    entry = await quim.get(f"/entries/{left.entry_id}")
    assert SHOWN in {side["holder"] for side in entry["sides"]}
    dispute = await quim.get(f"/disputes/{left.dispute['id']}")
    assert dispute["worker"]["name"] == SHOWN
    mine = (await quim.get("/me/contributions"))["items"]
    assert len(mine) == 4


async def test_an_archive_names_them_no_more_and_another_book_does(
    world: World, left: Left
) -> None:
    coop = left.coop
    path = f"/organisations/{coop.organisation['id']}/export"
    archive = zipfile.ZipFile(io.BytesIO((await coop.owner.ask("GET", path)).content))
    book = "".join(archive.read(f"{name}.jsonl").decode() for name in ("entries", "postings"))
    assert GONE not in book
    assert book.count(left.pseudonym) > 3
    # What they do for others has nothing to do with it: there they are who they are.
    other = await world.organisation(coop.members["carla"], "Taller Nord")
    need = await world.open_need(coop.members["carla"], other)
    claim = await world.submitted_claim(coop.members[GONE], coop.members["carla"], need, 60)
    await world.confirm(coop.members["carla"], claim, 60)
    books = (await coop.members["carla"].get("/books"))["items"]
    theirs = next(one for one in books if one["organisation"]["name"] == "Taller Nord")
    shown = await coop.members["carla"].get(f"/books/{theirs['id']}/entries")
    assert [line["worker"] for line in shown["items"]] == [SHOWN]


async def test_whoever_has_no_name_any_more_has_a_pseudonym(world: World, left: Left) -> None:
    coop, dora = left.coop, left.coop.members["dora"]
    await _slip(coop, "berta", "dora", SOON)
    async with transaction(world.runtime.sessions) as session:
        account = await session.get_one(Account, coop.id_of("dora"))
        account.display_name = ""
    book = await coop.owner.get(left.book)
    names = {one["account_id"]: one["display_name"] for one in book["workers"]}
    assert names[dora.id] == f"W-{dora.id[:8]}"
    page = await Reader(world, coop.owner).open(left.book)
    assert page.link(f"W-{dora.id[:8]}") == f"{left.book}/workers/{dora.id}"
