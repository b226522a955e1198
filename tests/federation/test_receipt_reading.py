"""Reading a receipt from its file alone: every field counts, every key had its time."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.domain.receipts.rules import hours_text, minutes_of_hours
from app.federation.receipts.known_keys import finder, keys_in
from app.federation.receipts.reading import (
    ReceiptRefusedError,
    read_file,
    receipts_in,
    verify_receipt,
)
from app.federation.wire.receipts import OWN_CONTEXT_FILE, OWN_CONTEXT_URL
from tests.factories.receipts import (
    ISSUER,
    TAMPERED,
    keys_document,
    sample_key,
    signed,
    tampered,
    unsigned,
    vectors,
)
from tests.factories.vectors import read_vectors
from tests.factories.world import Json

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEYS = finder(keys_in(keys_document(sample_key())))
SUBJECT = unsigned()["credentialSubject"]


def refusal(document: Any, keys: Any = KEYS) -> str:
    with pytest.raises(ReceiptRefusedError) as refused:
        verify_receipt(document, keys, NOW)
    return refused.value.code


def about(**changes: Any) -> Json:
    """Return a well-signed receipt whose subject says something else."""
    return signed(unsigned(credentialSubject={**SUBJECT, **changes}))


def without(document: Json, *names: str) -> Json:
    return {key: value for key, value in document.items() if key not in names}


def test_the_file_for_other_implementations_is_reproduced_byte_for_byte() -> None:
    assert read_vectors("contribution-receipt.json") == vectors()


def test_a_good_one_says_what_was_confirmed() -> None:
    found = verify_receipt(signed(unsigned()), KEYS, NOW)
    assert (found.minutes, found.issuer, found.organisation) == (210, ISSUER, "Old Town Movers")
    assert found.agreement == "https://north.example/agreements/77#primary"


@pytest.mark.parametrize("name", TAMPERED)
def test_what_a_forger_changes_is_noticed(name: str) -> None:
    assert refusal(tampered()[name]) == TAMPERED[name][1]


# Well signed by the issuer's own key, and still no receipt that is believed.
ODD: dict[str, tuple[Any, str]] = {
    "text": ("receipt", "other_kind"),
    "null": (None, "other_kind"),
    "another type": (signed(unsigned(type=["VerifiableCredential"])), "other_kind"),
    "no proof": (unsigned(), "no_proof"),
    "another context": (signed(unsigned(**{"@context": ["https://x.example"]})), "shape"),
    "an inline context": (signed(unsigned(**{"@context": [{"hours": "x:h"}]})), "shape"),
    "a field that nobody reads": (signed(unsigned(name="Thanks")), "shape"),
    "no subject": (signed(without(unsigned(), "credentialSubject")), "shape"),
    "two subjects": (signed(unsigned(credentialSubject=[SUBJECT, SUBJECT])), "shape"),
    "hours as a number": (about(hours=3), "shape"),
    "hours as a fraction": (about(hours=3.5), "shape"),
    "hours in another spelling": (about(hours="3.50"), "shape"),
    "hours with a comma": (about(hours="3,5"), "shape"),
    "no hours": (about(hours="0"), "shape"),
    "hours below nothing": (about(hours="-3"), "shape"),
    "hours of no minute": (about(hours="0.0001"), "shape"),
    "hours without end": (about(hours="9999999"), "shape"),
    "a name in the subject": (about(name="Ana"), "shape"),
    "a day that is none": (about(workedOn="yesterday"), "shape"),
    "a stream that is none": (about(stream="stocks"), "shape"),
    "a subject that is no address": (about(id="ana"), "shape"),
    "a subject with a user": (about(id="https://ana@south.example/1"), "shape"),
    "a subject in capitals": (about(id="https://SOUTH.example/1"), "shape"),
    "a need elsewhere": (about(need="https://east.example/needs/1"), "origin"),
    "an agreement elsewhere": (about(fulfills="https://east.example/agreements/1"), "origin"),
    "an id elsewhere": (signed(unsigned(id="https://east.example/receipts/1")), "origin"),
    "a replacement elsewhere": (
        signed(unsigned(replaces="https://east.example/receipts/1")),
        "origin",
    ),
    "a replacement of itself": (signed(unsigned(replaces=unsigned()["id"])), "shape"),
    "an issuer that is no actor": (signed(unsigned(issuer="https://north.example/me")), "origin"),
    "another issuer": (signed(unsigned(issuer="https://east.example/actor")), "origin"),
    "an issuer as an object": (signed(unsigned(issuer={"id": ISSUER})), "shape"),
    "a date without a zone": (signed(unsigned(validFrom="2026-11-20T10:00:00")), "shape"),
    "a key elsewhere": (
        signed(unsigned(), verificationMethod="https://east.example/actor#ed25519-key"),
        "origin",
    ),
    "a key of somebody there": (
        signed(unsigned(), verificationMethod="https://north.example/members/1#key"),
        "origin",
    ),
    "an unknown key": (signed(unsigned(), verificationMethod=f"{ISSUER}#another"), "no_key"),
    "another key under the same name": (
        signed(unsigned(), Ed25519PrivateKey.from_private_bytes(b"1" * 32)),
        "tampered",
    ),
    "another purpose": (signed(unsigned(), proofPurpose="authentication"), "shape"),
    "for somebody": (signed(unsigned(), challenge="c", domain="d"), "made_for_another"),
    "expired": (signed(unsigned(), expires="2026-11-20T11:00:00Z"), "expired"),
    "from the future": (signed(unsigned(), created="2027-01-01T00:00:00Z"), "from_the_future"),
    "a key that restructures": (about(**{"@graph": []}), "shape"),
    "a text beyond all": (about(organisation="x" * 300), "shape"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_refused(name: str) -> None:
    document, code = ODD[name]
    assert refusal(document) == code


def test_more_than_forty_oddities_are_tried() -> None:
    assert len(ODD) > 40


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"type": 1, "type": 2}', "unreadable"),
        (b"\xff\xfe", "unreadable"),
        (b"not json", "unreadable"),
        (b'{"hours": NaN}', "unreadable"),
        (b"[" * 100_000, "unreadable"),
        (b'{"x": ' + b"9" * 5_000 + b"}", "unreadable"),
        (b'"\\ud800"', "unreadable"),
        (b" " * (4 * 1024 * 1024 + 1), "too_large"),
    ],
)
def test_files_that_read_in_two_ways_or_not_at_all(raw: bytes, code: str) -> None:
    with pytest.raises(ReceiptRefusedError) as refused:
        read_file(raw)
    assert refused.value.code == code


def test_a_key_verifies_what_it_signed_before_its_end_and_nothing_after() -> None:
    receipt = signed(unsigned())
    for name, code in (("expires", "key_ended"), ("revoked", "key_revoked")):
        before = keys_document(sample_key(), **{name: "2026-11-20T10:00:01Z"})
        assert verify_receipt(receipt, finder(keys_in(before)), NOW).minutes == 210
        after = keys_document(sample_key(), **{name: "2026-11-20T10:00:00Z"})
        assert refusal(receipt, finder(keys_in(after))) == code


def test_after_a_rotation_both_keys_verify_what_is_theirs() -> None:
    new = Ed25519PrivateKey.from_private_bytes(b"2" * 32)
    old_list = keys_document(sample_key(), expires="2026-11-20T12:00:00Z")
    new_list = json.loads(json.dumps(keys_document(new)).replace("ed25519-key", "key-2"))
    keys = finder(keys_in([old_list, new_list]))
    assert verify_receipt(signed(unsigned()), keys, NOW).minutes == 210
    by_new = signed(
        unsigned(), new, verificationMethod=f"{ISSUER}#key-2", created="2026-11-20T13:00:00Z"
    )
    assert verify_receipt(by_new, keys, NOW).key_id == f"{ISSUER}#key-2"
    assert refusal(signed(unsigned(), created="2026-11-20T13:00:00Z"), keys) == "key_ended"


def test_an_issuer_that_was_installed_anew_has_two_keys_of_one_name() -> None:
    new = Ed25519PrivateKey.from_private_bytes(b"3" * 32)
    keys = finder([*keys_in(keys_document(sample_key())), *keys_in(keys_document(new))])
    assert verify_receipt(signed(unsigned()), keys, NOW).minutes == 210
    assert verify_receipt(signed(unsigned(), new), keys, NOW).minutes == 210


def test_keys_that_nobody_should_trust_are_left_out() -> None:
    (method,) = keys_document(sample_key())["items"]
    for change in (
        {"controller": "https://east.example/actor"},
        {"type": "JsonWebKey"},
        {"publicKeyMultibase": "z6Mk"},
        {"publicKeyMultibase": 5},
        {"revoked": "never"},
    ):
        assert keys_in({"items": [{**method, **change}]}) == []
    assert len(keys_in({"assertionMethod": [method]})) == 1


def test_files_hold_one_or_several() -> None:
    receipt = signed(unsigned())
    assert receipts_in(receipt) == [receipt]
    assert receipts_in([receipt, receipt]) == [receipt, receipt]
    bundle = {"type": ["VerifiablePresentation"], "verifiableCredential": [receipt]}
    assert receipts_in(bundle) == [receipt]


@given(st.integers(1, 60 * 24 * 366))
def test_hours_are_read_back_to_the_minute(minutes: int) -> None:
    text = hours_text(minutes)
    assert minutes_of_hours(text) == minutes
    assert len(text.partition(".")[2]) <= 4


@given(st.integers(1, 60_000), st.text(min_size=1, max_size=60).map(str.strip).filter(bool))
def test_whatever_is_signed_reads_back(minutes: int, organisation: str) -> None:
    try:
        organisation.encode()
    except UnicodeEncodeError:
        return
    document = about(hours=hours_text(minutes), organisation=organisation)
    found = verify_receipt(json.loads(json.dumps(document)), KEYS, NOW)
    assert (found.minutes, found.organisation) == (minutes, organisation)


def test_the_context_names_every_term_that_a_receipt_uses() -> None:
    terms = json.loads(OWN_CONTEXT_FILE.read_text())["@context"]
    assert set(SUBJECT) - {"id"} | {"replaces", "ContributionReceipt"} <= set(terms)
    assert unsigned()["@context"][1] == OWN_CONTEXT_URL
