"""Asking a witness: every request is signed by our instance key, and so are its introductions."""

import base64
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.federation import budgets
from app.federation.peers.discovery import clients_of
from app.federation.peers.identity import Identity
from app.federation.peers.keyring import Accepted, prove_answer
from app.federation.peers.reading import ReadError
from app.federation.wire.checkpoints import (
    ADD_PATH,
    LOGS_PATH,
    REQUEST_BYTES_MAX,
    TEXT,
    AddCheckpoint,
    LogIntroduction,
    WitnessIntroduction,
)
from app.federation.wire.context import ACTIVITY_JSON
from app.federation.wire.documents import part_to_wire
from app.federation.wire.problems import RefusedError
from app.infra.canonical import canonical_json
from app.infra.http_client import Answer, OutboundError, Outgoing, call, policy_of
from app.infra.runtime import Runtime
from app.infra.signatures import HttpAnswer, HttpMessage, SignatureRefusedError
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.federation import Peer

SECONDS_MAX = 10.0


@dataclass(frozen=True)
class Line:
    """Us, as we speak with one witness."""

    runtime: Runtime
    ours: Identity
    peer: Peer
    accepted: Accepted

    async def introduce(self, said: LogIntroduction) -> WitnessIntroduction:
        """Tell a witness of our log; its answer, signed by its instance, names its own keys."""
        body = canonical_json(part_to_wire(said))
        answer, sent = await self._post(LOGS_PATH, body, ACTIVITY_JSON)
        if answer.status != 200:
            raise ReadError(f"status {answer.status}", answer.status)
        signed = HttpAnswer(answer.status, answer.header_lines, answer.body, sent)
        try:
            prove_answer(signed, self.accepted)
            return WitnessIntroduction.model_validate(parse_json(answer.body))
        except (SignatureRefusedError, StrictJsonError, ValidationError) as error:
            raise ReadError("no introduction of a witness", answer.status) from error

    async def offer(self, asked: AddCheckpoint) -> Answer:
        """Offer a checkpoint; the answer tells by its status what the witness thinks of it."""
        return (await self._post(ADD_PATH, asked.written(), TEXT))[0]

    async def newest_held(self, host: str) -> bytes | None:
        """Read the newest checkpoint that a witness holds of us, as anybody can read it."""
        url = f"{self.peer.origin}/witness/{host}/checkpoint"
        answer = await self._call(Outgoing("GET", url, {"Accept": "text/plain"}))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ReadError(f"status {answer.status}", answer.status)
        return answer.body

    async def _post(self, path: str, body: bytes, kind: str) -> tuple[Answer, HttpMessage]:
        url = f"{self.peer.origin}{path}"
        headers = self.ours.sign(HttpMessage("POST", url, [("Content-Type", kind)], body))
        answer = await self._call(Outgoing("POST", url, headers, body))
        return answer, HttpMessage("POST", url, list(headers.items()), body)

    async def _call(self, outgoing: Outgoing) -> Answer:
        client = clients_of(self.runtime).of(self.peer.origin)
        try:
            policy_of(self.runtime).check_url(outgoing.url)
            answer = await call(
                client, outgoing, bytes_max=REQUEST_BYTES_MAX, seconds_max=SECONDS_MAX
            )
            await budgets.take_in(self.runtime, self.peer.id, len(answer.body))
        except (OutboundError, RefusedError) as error:
            raise ReadError(error.detail) from error
        return answer


def in_text(raw: bytes) -> Any:
    """Spell bytes as notes do."""
    return base64.b64encode(raw).decode()
