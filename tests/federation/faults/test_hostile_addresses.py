"""No address that anybody gives us leads to a call inside, and none tells what is there.

Every input of the application that can make it go out, with every form of a hostile address, in
four ways: the address itself; a harmless name that leads there; a server that redirects there; a
name that is harmless when it is asked first and leads there afterwards.
"""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from tests.conftest import Services, make_settings
from tests.factories.application import make_application
from tests.factories.hostile import ANSWERS, FORMS
from tests.factories.internet import OUTSIDE, answer
from tests.factories.outgoing import INPUTS, Outside, outside_of
from tests.factories.world import World
from tests.federation.conftest import make_database_apart

REDIRECTS = (301, 302, 303, 307, 308)
# Where mail goes, the status that the server itself chose is shown to who runs the lane.
SHOWN = {"organisation's callback", "peer's inbox", "follower's inbox"}


@pytest.fixture(scope="module")
async def outside(
    servers: Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Outside]:
    """An instance on an internet of our own, with all that its inputs need."""
    database = await make_database_apart(servers, f"tornallom_test_{worker_id}_hostile")
    application = make_application(make_settings(database, tmp_path_factory.mktemp("hostile")))
    with pytest.MonkeyPatch.context() as patched:
        async with application.router.lifespan_context(application):
            yield await outside_of(World(application), patched)


def test_there_are_sixty_of_each() -> None:
    assert len(set(FORMS)) >= 60
    assert len(set(ANSWERS)) >= 60


@pytest.mark.parametrize("name", INPUTS)
async def test_the_address_itself(outside: Outside, name: str) -> None:
    """Nothing is even looked up, but what the address is found in."""
    # A header cannot carry the others.
    forms = [form for form in FORMS if form.isascii() or name != "stranger's key id"]
    told = set()
    for form in forms:
        told.add(await outside.attempt(name, form))
        assert outside.internet.inside == [], form
        assert set(outside.internet.asked) <= {outside.host}, form
    assert len(told) == 1, told


@pytest.mark.parametrize("name", INPUTS)
async def test_a_name_that_leads_there(outside: Outside, name: str) -> None:
    told = set()
    for addresses in ANSWERS:
        host = outside.new_host(addresses)
        told.add(await outside.attempt(name, f"https://{host}/"))
        assert outside.internet.inside == [], addresses
        if name != "actor's inbox":
            assert outside.internet.asked == [host], "the name was asked, once"
            assert outside.internet.dialled == [], addresses
    assert len(told) == 1, told


@pytest.mark.parametrize("name", [name for name in INPUTS if name != "actor's inbox"])
async def test_a_server_that_redirects_there(outside: Outside, name: str) -> None:
    told: dict[int, set[str]] = {status: set() for status in REDIRECTS}
    for number, form in enumerate(form for form in FORMS if form.isascii()):
        status = REDIRECTS[number % len(REDIRECTS)]
        outside.internet.serve = partial(redirect, status, form)
        host = outside.new_host([OUTSIDE])
        told[status].add(await outside.attempt(name, f"https://{host}/"))
        assert outside.internet.inside == [], form
        assert outside.internet.dialled == [OUTSIDE], form
    # What is no address at all in the answer is one with no answer.
    assert all(len(seen) <= (2 if name in SHOWN else 1) for seen in told.values()), told
    assert len(set.union(*told.values())) == (len(REDIRECTS) + 1 if name in SHOWN else 1), told


def redirect(status: int, to: str, _: bytes) -> bytes:
    return answer(status, location=to)


@pytest.mark.parametrize("name", [name for name in INPUTS if name != "actor's inbox"])
async def test_a_name_that_leads_there_the_second_time(outside: Outside, name: str) -> None:
    """The first look-up is the one that is dialled; the second is checked like the first."""
    outside.internet.serve = partial(redirect, 503, "")
    told = set()
    for addresses in ANSWERS:
        host = outside.new_host([OUTSIDE], addresses)
        await outside.attempt(name, f"https://{host}/")
        assert outside.internet.dialled == [OUTSIDE], addresses
        told.add(await outside.attempt(name, f"https://{host}/"))
        assert outside.internet.inside == [], addresses
        assert outside.internet.dialled == [], addresses
    assert len(told) == 1, told
