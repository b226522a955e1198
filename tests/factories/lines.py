"""A line between two instances that can be cut."""

from app.infra import http_client
from app.infra.http_client import Answer, OutboundError, Outgoing


class Line:
    """Stands between two instances: can be cut, and counts what goes over it."""

    def __init__(self) -> None:
        self.down = False
        self.asked: list[Outgoing] = []

    async def __call__(self, client: object, outgoing: Outgoing, **limits: int) -> Answer:
        self.asked.append(outgoing)
        if self.down:
            raise OutboundError("cut")
        return await http_client.call(client, outgoing, **limits)  # type: ignore[arg-type]
