"""The rules of convergence: what changes, what is compared, what may be forgotten."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.federation.rules import (
    EMPTY_DIGEST,
    EPOCHS_REMEMBERED,
    NOTHING,
    EpochStep,
    Holding,
    Known,
    Look,
    Manifest,
    ManifestBrokenError,
    Page,
    Tally,
    content_hash,
    epoch_step,
    holding_of,
    join_pages,
    look,
    plan_repair,
    share_of,
    takes_effect,
    was_restored,
    with_past,
)
from app.federation.wire.tallies import TallyError, read_tally, write_tally

HASHES = st.binary(min_size=32, max_size=32)
URLS = st.integers(0, 30).map(lambda number: f"https://north.example/needs/{number:02}")
OBJECTS = st.dictionaries(URLS, HASHES, max_size=12)
ONE, TWO = (hashlib.sha256(text).digest() for text in (b"one", b"two"))


def test_the_digest_is_the_one_that_the_protocol_names() -> None:
    url, need = "https://north.example/needs/42", {"id": "x", "version": 1}
    sha256 = hashlib.sha256(b'{"id":"x","version":1}').hexdigest()
    assert content_hash({"@context": ["whatever"], **need}).hex() == sha256
    expected = hashlib.sha256(f"{url}\n{sha256}".encode()).digest()
    assert share_of(url, bytes.fromhex(sha256)) == expected
    assert holding_of([(url, bytes.fromhex(sha256))]) == Holding(1, expected)


@given(OBJECTS, OBJECTS, st.randoms(use_true_random=False))
def test_a_running_digest_is_the_digest_of_what_is_there(
    before: dict[str, bytes], after: dict[str, bytes], source: object
) -> None:
    urls = list({**before, **after})
    source.shuffle(urls)  # type: ignore[attr-defined]
    running = holding_of(before.items())
    for url in urls:
        running = running.replace(url, before.get(url, NOTHING), after.get(url, NOTHING))
    assert running == holding_of(after.items())
    assert (running == holding_of(before.items())) == (before == after)


def test_nothing_at_all_is_all_zeros() -> None:
    there = Holding().replace("https://a.example/1", NOTHING, ONE)
    assert there.replace("https://a.example/1", ONE, NOTHING) == Holding(0, EMPTY_DIGEST)


@pytest.mark.parametrize(
    ("known", "said", "changes"),
    [
        (Known(), Known(1, ONE), True),
        (Known(1, ONE), Known(2, TWO), True),
        (Known(2, TWO), Known(1, ONE), False),
        (Known(2, TWO), Known(2, TWO), False),
        (Known(2, TWO), Known(2, ONE), True),  # spelled anew by a newer program
        (Known(), Known(3, gone=True), True),  # Delete before Create
        (Known(3, gone=True), Known(1, ONE), False),  # and then the Create
        (Known(3, gone=True), Known(3, ONE), False),
        (Known(3, gone=True), Known(4, ONE), True),
        (Known(3, gone=True), Known(4, gone=True), False),
        (Known(3, ONE), Known(2, gone=True), False),
        (Known(3, ONE), Known(3, gone=True), True),
    ],
)
def test_only_what_is_newer_changes_anything(known: Known, said: Known, changes: bool) -> None:
    assert takes_effect(known, said) is changes
    assert takes_effect(known, said, anew=True)


def test_an_epoch_that_has_ended_is_not_taken_up_again() -> None:
    past = with_past([], "e-0001")
    assert epoch_step("e-0002", past, "e-0002") is EpochStep.SAME
    assert epoch_step("e-0002", past, "e-0001") is EpochStep.OLD
    assert epoch_step("e-0002", past, "e-0003") is EpochStep.NEW
    for number in range(20):
        past = with_past(past, f"e-{number:04}")
    assert len(past) == EPOCHS_REMEMBERED
    assert with_past([], "") == []


@pytest.mark.parametrize(
    ("asked", "restored"),
    [
        (("e-0002", 7), False),
        (("e-0002", 0), False),
        (("e-0002", 8), True),  # it has more of us than we ever sent
        (("e-0001", 99), False),  # it has not heard of our new epoch
        (("e-0009", 1), True),  # we have been in an epoch that we know nothing of
        (("", 99), False),  # an older peer, which does not say
    ],
)
def test_a_restored_backup_is_noticed_by_what_peers_know(
    asked: tuple[str, int], restored: bool
) -> None:
    assert was_restored(("e-0002", ["e-0001"], 7), asked) is restored


def test_only_what_stands_at_the_same_number_is_compared() -> None:
    mine, other = holding_of([("u", ONE)]), holding_of([("u", TWO)])
    assert look("e-1", 5, mine, Tally(5, mine)) is Look.SAME
    assert look("e-1", 5, mine, Tally(5, mine, "e-1")) is Look.SAME
    assert look("e-1", 5, mine, Tally(5, other)) is Look.DIFFERENT
    assert look("e-1", 5, mine, Tally(6, other)) is Look.BEHIND
    assert look("e-1", 5, mine, Tally(4, other)) is Look.AHEAD
    assert look("e-1", 5, mine, Tally(5, mine, "e-2")) is Look.ELSEWHERE


def pages_of(objects: dict[str, bytes], size: int) -> list[Page]:
    items = [(url, 1, objects[url]) for url in sorted(objects)]
    parts = [items[at : at + size] for at in range(0, len(items), size)] or [[]]
    return [Page("e-0001", 9, holding_of(objects.items()), part) for part in parts]


@given(OBJECTS, OBJECTS, st.integers(1, 5))
def test_a_repair_makes_what_is_held_what_the_manifest_says(
    held: dict[str, bytes], listed: dict[str, bytes], size: int
) -> None:
    manifest = join_pages(pages_of(listed, size))
    plan = plan_repair(held, manifest)
    for url in plan.read:
        held[url] = listed[url]
    for url in plan.forget:
        del held[url]
    assert held == listed
    assert plan_repair(held, manifest) == plan_repair(listed, manifest)


@given(st.dictionaries(URLS, HASHES, min_size=2, max_size=12), st.data())
def test_a_manifest_that_is_not_whole_is_refused(
    listed: dict[str, bytes], data: st.DataObject
) -> None:
    pages = pages_of(listed, 2)
    at = data.draw(st.integers(0, len(pages) - 1))
    page = pages[at]
    worse = data.draw(
        st.sampled_from(
            [
                Page(page.epoch, page.seq, page.holding, page.objects[:-1]),  # truncated
                Page(page.epoch, page.seq + 1, page.holding, page.objects),  # changed meanwhile
                Page("e-0002", page.seq, page.holding, page.objects),
                Page(page.epoch, page.seq, page.holding, [*page.objects, page.objects[-1]]),
            ]
        )
    )
    broken = [*pages[:at], worse, *pages[at + 1 :]]
    if len(pages) == 1 and worse.objects == page.objects:
        return  # the only page is of one moment with itself
    with pytest.raises(ManifestBrokenError):
        join_pages(broken)


def test_pages_out_of_order_are_refused() -> None:
    pages = pages_of({f"https://n.example/{number}": ONE for number in range(6)}, 2)
    assert isinstance(join_pages(pages), Manifest)
    with pytest.raises(ManifestBrokenError):
        join_pages([pages[1], pages[0], pages[2]])
    with pytest.raises(ManifestBrokenError):
        join_pages([])
    assert all(left.stand == right.stand for left, right in pairwise(pages))


@given(st.integers(0, 10**15 - 1), st.integers(0, 10**6), HASHES, st.sampled_from(["", "e-01aa"]))
def test_what_should_be_held_is_read_as_it_was_written(
    seq: int, count: int, digest: bytes, epoch: str
) -> None:
    tally = Tally(seq, Holding(count, digest), epoch)
    assert read_tally(write_tally(tally)) == tally


ZEROS = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def test_the_header_is_spelled_as_the_protocol_says() -> None:
    assert (
        write_tally(Tally(118, Holding(42, EMPTY_DIGEST))) == f"seq=118, count=42, digest=:{ZEROS}:"
    )
    assert read_tally("") is None
    more = f"later=?1, digest=:{ZEROS}:;x=1,count=0,  seq=7"
    assert read_tally(more) == Tally(7, Holding(0, EMPTY_DIGEST))


@pytest.mark.parametrize(
    "text",
    [
        "seq=1, count=1",
        f"seq=-1, count=1, digest=:{ZEROS}:",
        f"seq=1.5, count=1, digest=:{ZEROS}:",
        f"seq=?1, count=1, digest=:{ZEROS}:",
        f"seq=1, seq=2, count=1, digest=:{ZEROS}:",
        "seq=1, count=1, digest=:AAAA:",
        f'seq=1, count=1, digest="{ZEROS}"',
        f'seq=1, count=1, digest=:{ZEROS}:, epoch="E"',
        f"seq=1, count=1, digest=:{ZEROS}:, epoch=7",
        "nonsense \u00e9",
    ],
)
def test_a_header_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(TallyError):
        read_tally(text)
