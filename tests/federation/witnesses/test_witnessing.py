"""A peer signs what our log became, and nothing that does not follow from it."""

from app.domain.witnesses.rules import host_of
from app.infra import notes
from app.infra.notes import SignatureKind, read_key
from tests.federation.witnesses.conftest import Ledger, fetch


async def test_a_peer_signs_what_our_log_became(ledger: Ledger) -> None:
    await ledger.grow(2)
    standing = await ledger.standing()
    assert (standing["size"], standing["read_only"], standing["freezes"]) == (2, False, [])
    (witness,) = standing["witnesses"]
    assert witness["name"] == f"{host_of(ledger.south.origin)}/ledger"
    assert witness["size"] == 2
    note = notes.read_note((await fetch(f"{ledger.north.origin}/ledger/checkpoint")).text)
    keys = (await fetch(f"{ledger.south.origin}/witness/keys")).text.split()
    (signed,) = [key for key in map(read_key, keys) if notes.is_signed_by(note, key)]
    assert signed.kind is SignatureKind.COSIGNATURE
    said = notes.read_checkpoint(note.text)
    assert said.root.hex() == standing["checkpoint"]["root"]
    # Anybody can read at the peer what it last signed of us, without asking us.
    assert notes.read_note(await ledger.held_by_south()).text == note.text


async def test_a_log_that_grows_is_signed_again_from_where_it_was(ledger: Ledger) -> None:
    await ledger.grow(1)
    first = notes.read_checkpoint(notes.read_note(await ledger.held_by_south()).text)
    await ledger.grow(3)
    await ledger.grow(2)
    last = notes.read_checkpoint(notes.read_note(await ledger.held_by_south()).text)
    assert (first.size, last.size) == (1, 6)
    host = host_of(ledger.north.origin)
    listed = (await fetch(f"{ledger.south.origin}/witness/{host}/checkpoints")).json()
    assert [item["size"] for item in listed["items"]] == [6, 4, 1]
    some = (await fetch(f"{ledger.south.origin}/witness/{host}/checkpoints?up_to=5")).json()
    assert [item["size"] for item in some["items"]] == [4, 1]
    (watched,) = (await ledger.south.stranger().get("/ledger/watched"))["items"]
    assert (watched["size"], watched["contradictions"]) == (6, [])


async def test_of_a_stranger_nothing_is_held(ledger: Ledger) -> None:
    await ledger.grow(1)
    answer = await fetch(f"{ledger.south.origin}/witness/nobody.example/checkpoint")
    assert answer.status_code == 404
    unsigned = await fetch(f"{ledger.south.origin}/fed/v1/witness/add-checkpoint")
    assert unsigned.status_code == 405
