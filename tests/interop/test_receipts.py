"""Receipts and their proofs, as Digital Bazaar's verifier and Fedify judge them.

Both are handed every document they ask for: what is checked is the file and the keys, and that
neither would have to fetch a context that nobody serves.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.factories.vectors import read_vectors
from tests.factories.world import Json
from tests.interop.javascript import Script

VECTORS = read_vectors("eddsa-jcs-2022.json")
SAMPLE = read_vectors("sample-contribution-receipt.json")
PUBLIC_KEY = VECTORS["keyPair"]["publicKeyMultibase"]
ACTOR_CONTEXT = [
    "https://www.w3.org/ns/activitystreams",
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/multikey/v1",
]


def key_holder(url: str, fragment: str, public_key: str = PUBLIC_KEY) -> Json:
    """Return the document under which a verifier finds a key."""
    method = {
        "id": f"{url}#{fragment}",
        "type": "Multikey",
        "controller": url,
        "publicKeyMultibase": public_key,
    }
    return {"@context": ACTOR_CONTEXT, "id": url, "assertionMethod": [method]}


NORTH = "https://north.example/actor"
DID = f"did:key:{PUBLIC_KEY}"
DOCUMENTS: Json = {
    NORTH: key_holder(NORTH, "ed25519-key", SAMPLE["publicKeyMultibase"]),
    DID: key_holder(DID, PUBLIC_KEY),
    "https://ns.example/mutual-aid/v1": {
        "@context": {"ContributionReceipt": "https://ns.example/mutual-aid#ContributionReceipt"}
    },
}
ALICE = VECTORS["fep8b32"]["actor"]
Change = Callable[[Json], Any]
TAMPERED: dict[str, Change] = {
    "more hours": lambda receipt: receipt["credentialSubject"].update(hours="35"),
    "another worker": lambda receipt: receipt["credentialSubject"].update(
        id="https://south.example/members/ben"
    ),
    "another need": lambda receipt: receipt["credentialSubject"].pop("need"),
    "another id": lambda receipt: receipt.update(id="https://north.example/receipts/1"),
    "an earlier day": lambda receipt: receipt.update(validFrom="2025-11-20T10:00:00Z"),
    "a field more": lambda receipt: receipt.update(name="Thank you"),
    "another issuer": lambda receipt: receipt.update(issuer="https://east.example/actor"),
    "an earlier proof": lambda receipt: receipt["proof"].update(created="2025-11-20T10:00:00Z"),
    "another purpose": lambda receipt: receipt["proof"].update(proofPurpose="authentication"),
    "another key": lambda receipt: receipt["proof"].update(
        verificationMethod=f"{DID}#{PUBLIC_KEY}"
    ),
    "the terms in another order": lambda receipt: (
        receipt["@context"].reverse(),
        receipt["proof"]["@context"].reverse(),
    ),
    # At the end the standard lets one stand, and reads the document without it; we refuse that too.
    "other terms first": lambda receipt: receipt["@context"].insert(1, ACTOR_CONTEXT[0]),
    "a signature of nothing": lambda receipt: receipt["proof"].update(
        proofValue=VECTORS["w3c_signed"]["proof"]["proofValue"]
    ),
}


async def test_the_vector_of_the_suite_holds(credentials: Script) -> None:
    signed = VECTORS["w3c_signed"]
    answer = await credentials.ask("verifyDocument", document=signed, documents=DOCUMENTS)
    assert answer == {"verified": True, "why": []}
    other = {**signed, "name": "Alumna Credential"}
    answer = await credentials.ask("verifyDocument", document=other, documents=DOCUMENTS)
    assert answer["verified"] is False


async def test_the_vector_of_fep_8b32_holds(credentials: Script) -> None:
    signed, documents = VECTORS["fep8b32"]["signed"], {ALICE["id"]: ALICE}
    answer = await credentials.ask("verifyByFedify", document=signed, documents=documents)
    assert answer["verified"] is True
    other = {**signed, "type": "Delete"}
    answer = await credentials.ask("verifyByFedify", document=other, documents=documents)
    assert answer["verified"] is False


async def test_the_sample_receipt_holds_for_both(credentials: Script) -> None:
    receipt = SAMPLE["receipt"]
    whole = await credentials.ask("verifyCredential", credential=receipt, documents=DOCUMENTS)
    assert whole == {"verified": True, "why": []}
    proof = await credentials.ask("verifyByFedify", document=receipt, documents=DOCUMENTS)
    assert proof["verified"] is True


@pytest.mark.parametrize("name", TAMPERED)
async def test_an_altered_receipt_does_not(credentials: Script, name: str) -> None:
    receipt = deepcopy(SAMPLE["receipt"])
    TAMPERED[name](receipt)
    assert receipt != SAMPLE["receipt"]
    whole = await credentials.ask("verifyCredential", credential=receipt, documents=DOCUMENTS)
    assert whole["verified"] is False
    assert whole["why"]
    proof = await credentials.ask("verifyByFedify", document=receipt, documents=DOCUMENTS)
    assert proof["verified"] is False


async def test_a_key_that_its_owner_does_not_list_proves_nothing(credentials: Script) -> None:
    stripped = {**DOCUMENTS[NORTH], "assertionMethod": []}
    method = DOCUMENTS[NORTH]["assertionMethod"][0]
    documents = {**DOCUMENTS, NORTH: stripped, method["id"]: {**method, "@context": ACTOR_CONTEXT}}
    whole = await credentials.ask(
        "verifyCredential", credential=SAMPLE["receipt"], documents=documents
    )
    assert "not authorized by controller" in " ".join(whole["why"])
