"""Amounts and times as people of five languages type them into the pages of a book."""

from uuid import UUID

from tests.factories.books import Cooperative, cooperative
from tests.factories.periods import let_rules_hold
from tests.factories.world import World
from tests.pages.test_book_keeping import row, send


async def speaking(coop: Cooperative, language: str) -> None:
    """Let all who keep a book read the pages in a language."""
    for person in (coop.owner, coop.keeper):
        page = await person.http.get("/books", headers={"Accept": "text/html"})
        token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
        body = {"form_token": token, "language": language, "next": "/books"}
        answer = await person.http.post("/language", data=body, headers={"Accept": "text/html"})
        assert answer.is_redirect


async def test_an_opening_in_the_marks_of_ones_language(world: World) -> None:
    coop = await cooperative(world)
    path = f"{coop.path}/opening"
    said = {"on": "2026-01-01", "act": "write", "worker-0": "worker"}
    spellings = [
        ("el", {"reserve": "1.250,50", "capital-0": "-12.000"}),
        ("nl", {"reserve": "\u20ac 1.250,5", "capital-0": "-12 000,00"}),
        ("en", {"reserve": "1,250.50", "capital-0": "\u221212,000"}),
        ("ca", {"reserve": "1250.50", "capital-0": "-12000"}),
        ("es", {"reserve": "1250,5 EUR", "capital-0": "-12.000"}),
    ]
    for language, amounts in spellings:
        await speaking(coop, language)
        status, page = await send(coop.owner, path, {**said, **amounts})
        assert status == 200, page
        kept = (await coop.owner.get(path))["opening"]
        assert kept["reserve"] == 125050, language
        assert kept["capital"] == [{"worker": "worker", "amount": -1200000}], language
    await speaking(coop, "nl")
    status, page = await send(coop.owner, path, {**said, "capital-0": "1,250"})
    assert status == 422, "a Dutch 1,250 is neither twelve hundred nor a little over one"
    assert "Schrijf het als 1250,50 of \u20ac\xa01.250,50" in page
    assert 'href="#capital-0"' in page
    assert 'value="1,250"' in page


async def test_times_mean_the_same_on_every_form(world: World) -> None:
    coop = await cooperative(world)
    spellings = ("1:30", "1 h 30", "1,5", "1.5", "90 min", "1 u 30 min")
    lists: dict[str, str] = {}
    for number, said in enumerate(spellings):
        lists |= row(number, "worker", said, f"2026-03-0{number + 1}")
    status, _ = await send(coop.keeper, f"{coop.path}/slips", lists)
    assert status == 200
    assert await coop.minutes() == {"worker": 90 * len(spellings)}
    # A number alone is hours, as the label says: ninety of them are no day.
    status, page = await send(coop.keeper, f"{coop.path}/slips", row(0, "worker", "90"))
    assert status == 422
    assert "from a minute to 24 hours" in page
    (entry,) = (await coop.write(coop.slip(minutes=240, worker="owner")))["entry_ids"]
    correction = {"minutes": "1.50", "reason": "It was less"}
    path = f"/entries/{entry}/correction"
    status, page = await send(coop.keeper, path, correction)
    assert (status, "Write it as 1:30, 1 h 30, 1.5 or 90 min" in page) == (422, True)
    status, _ = await send(coop.keeper, path, {**correction, "minutes": "1,5"})
    assert status == 200
    assert (await coop.minutes())["owner"] == 90


async def test_a_surplus_in_the_marks_of_ones_language(world: World) -> None:
    coop = await cooperative(world)
    await let_rules_hold(world.runtime, UUID(coop.path.rpartition("/")[2]))
    days = {"starts_on": "2026-01-01", "ends_on": "2026-03-31"}
    period = await coop.keeper.post(f"{coop.path}/periods", days, key="period")
    path, act = f"/periods/{period['id']}", f"/periods/{period['id']}/surplus"
    await speaking(coop, "el")
    page = ""
    for number, said in enumerate(("-1.250,50", "\u22121.250,5", "-1,250.50")):
        fields = {"surplus": said, "version": str(number + 1)}
        status, page = await send(coop.keeper, act, fields, page=path)
        assert status == 200, page
        assert (await coop.keeper.get(path))["surplus"] == -125050
    assert 'value="-1250,50"' in page, "what stands there can be sent again as it is"
    status, page = await send(coop.keeper, act, {"surplus": "1,250", "version": "4"}, page=path)
    assert status == 422
    assert "Γράψε το ως 1250,50 ή 1.250,50" in page
    assert 'href="#surplus"' in page
