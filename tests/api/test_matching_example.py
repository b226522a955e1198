"""The example that docs/matching.md computes by hand, asked of the running application."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

from app.infra import clock
from tests.contracts.tree import read
from tests.factories.world import World

BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)


def example() -> dict[str, Any]:
    """Read the example from the page itself."""
    (block,) = BLOCK.findall(read("docs/matching.md"))
    return dict(json.loads(block))


async def test_the_example_of_the_page_has_the_score_it_says(world: World) -> None:
    said = example()
    now = datetime.fromisoformat(said["now"])
    need_says = dict(said["need"])
    posted = now - timedelta(days=need_says.pop("posted_days_ago"))
    with clock.frozen(posted):
        owner = await world.sign_up("owner")
        organisation = await world.organisation(owner)
        zone = said["organisation"]
        await owner.change(f"/organisations/{organisation['id']}", zone, organisation["version"])
        need = await world.open_need(owner, organisation, **need_says)
    with clock.frozen(now):
        worker = await world.sign_up("worker")
        body = dict(said["worker"])
        body["skills"] = [{"slug": slug} for slug in body["skills"]]
        answer = await worker.ask("PUT", "/me/profile", json=body)
        assert answer.status_code == 200, answer.text
        (match,) = (await worker.get("/me/matches"))["items"]
    assert match["need"]["id"] == need["id"]
    points = {reason["code"]: reason["points"] for reason in match["reasons"]}
    parts = said["parts"]
    renamed = {"some_hours": "hours", "age_need": "age"}
    counted = {renamed.get(code, code): n for code, n in points.items() if code != "language"}
    assert counted == parts
    assert match["score"] == said["score"] == sum(parts.values())
    for figure in (*parts.values(), said["score"]):  # each stands in the words below it, too
        assert re.search(rf"\*\*{abs(figure)}\*\*", read("docs/matching.md")), figure
