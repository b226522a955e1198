"""The one @context of every native message, and the addresses of our own terms.

A message must carry exactly this constant; it is compared as JSON and nothing is ever fetched
from these addresses. Bodies are read as plain JSON: no JSON-LD processor runs here.
"""

from typing import Any

NAMESPACE = "https://ns.tornallom.example/mutual-aid"
PROFILE = "ma-fed/1"
ACTIVITY_STREAMS = "https://www.w3.org/ns/activitystreams"
PUBLIC = f"{ACTIVITY_STREAMS}#Public"
PEER_RELATIONSHIP = f"{NAMESPACE}#Peer"
SKILLS = f"{NAMESPACE}/skills#"
SECURITY = "https://w3id.org/security/v1"
# Says what assertionMethod means; without it a reader of JSON-LD finds no key of ours.
CONTROLLER = "https://www.w3.org/ns/did/v1"
MULTIKEY = "https://w3id.org/security/multikey/v1"
ACTIVITY_JSON = "application/activity+json"
LD_JSON = "application/ld+json"
ACTIVITY_MEDIA_TYPES = frozenset({ACTIVITY_JSON, LD_JSON})
# Keys with which JSON-LD could say something else than the plain JSON that we read.
FORBIDDEN_KEYS = frozenset({"@graph", "@reverse", "@included", "@nest"})


def _reference(term: str) -> dict[str, str]:
    return {"@id": term, "@type": "@id"}


def shared_terms(namespace: str) -> dict[str, Any]:
    """Return the terms of FEP-0837 and the handshake, under a namespace for what it lacks."""
    return {
        "vf": "https://w3id.org/valueflows/ont/vf#",
        "om2": "http://www.ontology-of-units-of-measure.org/resource/om-2/",
        "ma": f"{namespace}#",
        "Proposal": "vf:Proposal",
        "Intent": "vf:Intent",
        "Agreement": "vf:Agreement",
        "Commitment": "vf:Commitment",
        "EconomicEvent": "vf:EconomicEvent",
        "purpose": "vf:purpose",
        "publishes": "vf:publishes",
        "reciprocal": "vf:reciprocal",
        "unitBased": "vf:unitBased",
        "action": "vf:action",
        "stipulates": "vf:stipulates",
        "stipulatesReciprocal": "vf:stipulatesReciprocal",
        "satisfies": _reference("vf:satisfies"),
        "fulfills": _reference("vf:fulfills"),
        "provider": _reference("vf:provider"),
        "receiver": _reference("vf:receiver"),
        "resourceConformsTo": _reference("vf:resourceConformsTo"),
        "resourceQuantity": "vf:resourceQuantity",
        "effortQuantity": "vf:effortQuantity",
        "availableQuantity": "vf:availableQuantity",
        "minimumQuantity": "vf:minimumQuantity",
        "hasUnit": "om2:hasUnit",
        "hasNumericalValue": "om2:hasNumericalValue",
        "version": "ma:version",
        "status": "ma:status",
        "epoch": "ma:epoch",
        "profile": "ma:profile",
        "policy": _reference("ma:policy"),
        "credential": {"@id": "ma:credential", "@type": "@json"},
    }


OWN_TERMS: dict[str, Any] = {
    "beneficiary": "ma:beneficiary",
    "kind": "ma:kind",
    "language": "ma:language",
    "organisation": "ma:organisation",
    "places": "ma:places",
    "remote": "ma:remote",
    "skills": {"@id": "ma:skills", "@type": "@json"},
    "stream": "ma:stream",
    "taken": "ma:taken",
    "urgency": "ma:urgency",
}
NATIVE_CONTEXT: list[Any] = [ACTIVITY_STREAMS, {**shared_terms(NAMESPACE), **OWN_TERMS}]
