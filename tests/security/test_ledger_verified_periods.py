"""A closed period is computed once more from the export alone, and any other figure is found."""

import copy
from collections.abc import Callable

from sqlalchemy import text

from app import verifier
from app.infra.database import transaction
from tests.factories.exports import exported
from tests.factories.periods import FIRST, LAST, cooperative
from tests.factories.world import Json, World

MINUTES = {"anna": 36_750, "berta": 20_000, "carles": 945}


def _line(export: Json) -> Json:
    (statement,) = export["statements"].values()
    line: Json = next(each for each in statement["lines"] if each["amount"])
    return line


def _body(export: Json, kind: str) -> Json:
    body: Json = next(each["body"] for each in export["records"] if each["body"]["type"] == kind)
    return body


FORGERIES: dict[str, Callable[[Json], object]] = {
    "another part": lambda file: _line(file).update(amount=_line(file)["amount"] + 1),
    "another weight": lambda file: _line(file).update(counted=1),
    "no statement": lambda file: file.update(statements={}),
    "another surplus": lambda file: _body(file, "lock").update(surplus=1_000_000),
    "one signature": lambda file: _body(file, "lock")["signatures"].pop(),
    "other rules": lambda file: _body(file, "policy")["document"].update(members_share="1/4"),
    "another status": lambda file: _body(file, "status").update(since="2027-01-01"),
    "another balance": lambda file: file["balances"][0].update(amount=1),
}


async def test_a_closed_period_is_computed_once_more(world: World) -> None:
    made = await cooperative(world, *MINUTES)
    for name, minutes in MINUTES.items():
        await made.give(made.id_of(name), minutes)
    async with transaction(world.runtime.sessions) as session:
        for kind, ids in (
            ("status", "status_id FROM book_statuses"),
            ("policy", "id FROM policies"),
        ):
            waiting = f"INSERT INTO log_pending (kind, subject) SELECT '{kind}', {ids}"
            await session.execute(text(f"{waiting} ON CONFLICT DO NOTHING"))
    locked = await made.close(await made.open(LAST, 1_000_001, FIRST))
    assert locked["state"] == "locked"
    export = await exported(world, made.book_id)
    kept = verifier.read_checkpoint(export["log"]["checkpoints"][-1])
    report = verifier.verify(export, verifier.Outside(kept=[kept]))
    assert report.problems == []
    assert (report.code, report.periods) == (verifier.HOLDS, 1)
    for name, forge in FORGERIES.items():
        forged = copy.deepcopy(export)
        forge(forged)
        assert verifier.verify(forged, verifier.Outside()).code == verifier.BROKEN, name
