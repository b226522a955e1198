"""A ledger that came back from an old backup stops, until a steward declares a public fork."""

import pytest
from sqlmodel import select

from app.federation.witnesses.outside import path_of
from app.infra import notes
from app.infra.database import transaction
from app.models.checkpoints import LogLeaf
from app.models.ledger import LogKind
from app.models.witnesses import WitnessedLog
from tests.federation.witnesses.conftest import Ledger

WHY = "The disk broke, and the newest backup was from last night."


async def declared(ledger: Ledger, reason: str = WHY, **changes: object) -> tuple[int, str]:
    """Declare a fork of what the standing shows; answers status and code."""
    (freeze, *_) = (await ledger.standing())["freezes"]
    body = {"held_size": freeze["held"]["size"], "held_root": freeze["held"]["root"]}
    answer = await ledger.steward.ask(
        "POST", "/ledger/forks", json={**body, "reason": reason, **changes},
        headers={"Idempotency-Key": f"fork-{reason[:8]}-{len(changes)}"},
    )  # fmt: skip
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize("with_file", [False, True])
async def test_a_ledger_that_was_rewound_is_read_only(ledger: Ledger, *, with_file: bool) -> None:
    await ledger.grow(2)
    await ledger.back_up()
    await ledger.grow(1)
    await ledger.come_back(with_file=with_file)
    claim = await ledger.submitted()
    await ledger.later()
    standing = await ledger.standing()
    assert standing["read_only"]
    sources = {freeze["source"] for freeze in standing["freezes"]}
    assert {freeze["reason"] for freeze in standing["freezes"]} == {"behind"}
    assert ("file" in sources) is with_file
    # Nothing is written, and who tries hears why.
    path = f"/claims/{claim['id']}/confirmation"
    refused = await ledger.owner.ask(
        "POST", path, json={"minutes": 90},
        headers={"Idempotency-Key": "refused"},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (409, "ledger_read_only")
    # Everything can be read, and the work waits.
    assert (await ledger.worker.get(f"/claims/{claim['id']}"))["state"] == "submitted"
    (book,) = (await ledger.owner.get("/books"))["items"]
    assert len((await ledger.owner.get(f"/books/{book['id']}/entries"))["items"]) > 0
    assert "ledger_frozen" in await ledger.notices(ledger.north)


async def test_nothing_is_signed_while_the_ledger_is_read_only(ledger: Ledger) -> None:
    await ledger.grow(1)
    await ledger.back_up()
    await ledger.grow(2)
    held = await ledger.held_by_south()
    await ledger.come_back()
    await ledger.later()
    await ledger.later()
    assert await ledger.held_by_south() == held
    standing = await ledger.standing()
    assert (standing["size"], standing["checkpoint"]["size"]) == (1, 1)


async def test_the_right_backup_heals_without_a_word(ledger: Ledger) -> None:
    await ledger.grow(2)
    await ledger.back_up()
    await ledger.come_back(with_file=True)
    await ledger.grow(1)
    standing = await ledger.standing()
    assert (standing["read_only"], standing["size"]) == (False, 3)
    assert standing["witnesses"][0]["size"] == 3


async def test_a_public_fork_lets_the_ledger_go_on(ledger: Ledger) -> None:
    await ledger.grow(2)
    await ledger.back_up()
    await ledger.grow(3)
    await ledger.come_back()
    claim = await ledger.submitted()
    await ledger.later()
    assert await declared(ledger, "short") == (422, "ledger_fork_reason")
    assert await declared(ledger, held_size=4) == (409, "ledger_fork_changed")
    answer = await ledger.owner.ask(
        "POST", "/ledger/forks",
        json={"held_size": 5, "held_root": "00" * 32, "reason": WHY},
        headers={"Idempotency-Key": "owner"},
    )  # fmt: skip
    assert answer.status_code == 403
    assert (await ledger.standing())["read_only"]
    assert await declared(ledger) == (201, "")
    await ledger.north.confirm(ledger.owner, claim)
    await ledger.later()
    standing = await ledger.standing()
    assert not standing["read_only"]
    (fork,) = standing["forks"]
    assert (fork["common"]["size"], fork["abandoned"]["size"], fork["reason"]) == (2, 5, WHY)
    assert standing["origin"] == fork["origin"] == f"{fork['continues']}/fork-1"
    # The fork is a leaf of the log, the first after what was there.
    async with transaction(ledger.north.runtime.sessions) as session:
        kinds = (await session.exec(select(LogLeaf.kind).order_by(LogLeaf.position))).all()  # type: ignore[arg-type]
    assert kinds == [LogKind.ENTRY, LogKind.ENTRY, LogKind.FORK, LogKind.ENTRY]
    # The witness signs the log under its new name, from the tree that both know.
    said = notes.read_checkpoint(notes.read_note(await ledger.held_by_south()).text)
    assert (said.origin, said.size) == (fork["origin"], 4)
    assert standing["witnesses"][0]["origin"] == fork["origin"]
    async with transaction(ledger.south.runtime.sessions) as session:
        logs = (await session.exec(select(WitnessedLog).order_by(WitnessedLog.origin))).all()
    assert [(log.size, log.parted_at_size) for log in logs] == [(5, None), (4, 2)]
    assert logs[1].reason == WHY
    assert "witness_fork_declared" in await ledger.notices(ledger.south)
    assert await declared_again(ledger) == (409, "ledger_not_read_only")
    # And the next rewind is found again, also behind the fork.
    await ledger.grow(1)
    assert not (await ledger.standing())["read_only"]


async def declared_again(ledger: Ledger) -> tuple[int, str]:
    answer = await ledger.steward.ask(
        "POST", "/ledger/forks",
        json={"held_size": 5, "held_root": "00" * 32, "reason": WHY},
        headers={"Idempotency-Key": "again"},
    )  # fmt: skip
    return answer.status_code, answer.json().get("code", "")


async def test_a_rewind_to_before_a_fork_is_found(ledger: Ledger) -> None:
    await ledger.grow(1)
    await ledger.back_up()
    await ledger.grow(1)
    await ledger.come_back()
    await ledger.back_up()
    await ledger.later()
    assert await declared(ledger) == (201, "")
    await ledger.later()
    await ledger.come_back()
    await ledger.later()
    (freeze, *_) = (await ledger.standing())["freezes"]
    assert (freeze["reason"], freeze["held"]["size"]) == ("behind", 2)
    assert await declared(ledger, WHY + " Again.") == (201, "")
    await ledger.later()
    standing = await ledger.standing()
    assert standing["origin"].endswith("/ledger/fork-2")
    said = notes.read_checkpoint(notes.read_note(await ledger.held_by_south()).text)
    assert said.origin == standing["origin"]


async def test_a_peer_that_lies_stops_nothing(ledger: Ledger) -> None:
    await ledger.grow(1)
    async with transaction(ledger.south.runtime.sessions) as session:
        log = (await session.exec(select(WitnessedLog))).one()
        note = notes.read_note(log.note)
        text = note.text.replace("\n1\n", "\n9\n")
        log.note, log.size = notes.Note(text, note.signatures).written(), 9
        session.add(log)
    await ledger.grow(1)
    standing = await ledger.standing()
    assert (standing["read_only"], standing["size"]) == (False, 2)
    assert standing["witnesses"][0]["size"] == 1


async def test_the_file_is_whole_and_never_overwritten_by_less(ledger: Ledger) -> None:
    await ledger.grow(1)
    await ledger.back_up()
    await ledger.grow(1)
    path = path_of(ledger.north.runtime)
    written = path.read_text()
    assert notes.read_checkpoint(notes.read_note(written).text).size == 2
    await ledger.come_back(with_file=True)
    await ledger.later()
    assert path.read_text() == written
