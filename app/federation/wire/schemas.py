"""The JSON schema of each document that travels, made from the classes that read them.

They carry the version of the profile. Within a version fields are added and never change what they
mean; a reader leaves alone what it does not know.
"""

from typing import Any

from pydantic import BaseModel

from app.federation.wire import (
    actors,
    agreements,
    checkpoints,
    log,
    manifest,
    needs,
    notes,
    peering,
    receipts,
)
from app.federation.wire.context import NAMESPACE, NATIVE_CONTEXT
from app.federation.wire.documents import Message

DIALECT = "https://json-schema.org/draft/2020-12/schema"
VERSION = "v1"
NOUNS: dict[str, tuple[type[BaseModel], ...]] = {
    "actors": (actors.Actor, actors.KeyList, actors.UpdateActor),
    "agreements": (
        agreements.OfferAgreement,
        agreements.AcceptAgreement,
        agreements.RejectAgreement,
        agreements.UndoOffer,
        agreements.UpdateAgreement,
        agreements.CreateLetter,
        agreements.CreateReport,
        agreements.UpdateReport,
        agreements.Agreement,
    ),
    "checkpoints": (
        checkpoints.LogIntroduction,
        checkpoints.WitnessIntroduction,
        checkpoints.SignedCheckpoints,
    ),
    "log": (log.LogPage,),
    "manifest": (manifest.ManifestPage,),
    "needs": (needs.CreateNeed, needs.UpdateNeed, needs.DeleteNeed),
    "notes": (
        notes.Note,
        notes.GoneNote,
        notes.CreateNote,
        notes.UpdateNote,
        notes.DeleteNote,
        notes.AcceptFollow,
    ),
    "receipts": (
        receipts.CreateReceipt,
        receipts.DeleteReceipt,
        receipts.Credential,
        receipts.Bundle,
    ),
    "peering": (
        peering.OfferPeering,
        peering.AcceptPeering,
        peering.RejectPeering,
        peering.UndoPeering,
    ),
}


def schema_of(noun: str) -> dict[str, Any]:
    """Return one schema a noun: any of its documents, each under its own name."""
    definitions: dict[str, Any] = {}
    for document in NOUNS[noun]:
        schema = document.model_json_schema(by_alias=True)
        definitions |= schema.pop("$defs", {})
        if issubclass(document, Message):
            schema["properties"]["@context"] = {"const": NATIVE_CONTEXT}
        definitions[document.__name__] = schema
    return {
        "$schema": DIALECT,
        "$id": f"{NAMESPACE}/schemas/{VERSION}/{noun}.schema.json",
        "title": noun,
        "anyOf": [{"$ref": f"#/$defs/{document.__name__}"} for document in NOUNS[noun]],
        "$defs": dict(sorted(definitions.items())),
    }
