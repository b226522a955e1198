"""The map of the network: this instance in the middle, each peer on a ring around it. Pure.

We know only our own peers, so the picture is a star and no more. It is drawn by the server as
plain SVG without a style, a script or a picture of anybody else; the table beside it says the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 360
MARGIN = 30
RING_MAX = 10
SHOWN_MAX = 20
NODE_RADIUS = 9
LABEL_CHARACTERS_MAX = 18
LABEL_DROP = 24
RINGS = (0.62, 1.0)
THIN, THICK = 1.5, 7.0


@dataclass(frozen=True)
class Dot:
    """A peer as the map needs it: its name, how many needs it shares, whether it is in step."""

    name: str
    needs: int
    in_step: bool


@dataclass(frozen=True)
class Node:
    """A peer on the map."""

    x: float
    y: float
    label: str
    in_step: bool
    width: float


@dataclass(frozen=True)
class NetworkMap:
    """Everything that the picture shows, in the units of its view box."""

    width: int
    height: int
    x: float
    y: float
    label: str
    nodes: Sequence[Node]
    more: int


def draw(name: str, dots: Sequence[Dot]) -> NetworkMap:
    """Place the peers, those that share most first; the rest stands in the table."""
    ranked = sorted(dots, key=lambda dot: (-dot.needs, dot.name))
    shown, more = ranked[:SHOWN_MAX], max(len(ranked) - SHOWN_MAX, 0)
    two_rings = len(shown) > RING_MAX
    reach = WIDTH / 2 - MARGIN - 24
    height = WIDTH + LABEL_DROP
    x, y = WIDTH / 2, (height - LABEL_DROP) / 2
    most = max((dot.needs for dot in shown), default=0)
    nodes = []
    for index, dot in enumerate(shown):
        share = RINGS[index % 2] if two_rings else RINGS[1]
        # Beginning beside the top, so that no label stands on another of the same column.
        angle = 2 * math.pi * (index + 0.5) / len(shown) - math.pi / 2
        nodes.append(
            Node(
                x=round(x + reach * share * math.cos(angle), 1),
                y=round(y + reach * share * math.sin(angle), 1),
                label=_label(dot.name),
                in_step=dot.in_step,
                width=_width(dot.needs, most),
            )
        )
    return NetworkMap(WIDTH, height, x, y, _label(name), nodes, more)


def _label(name: str) -> str:
    if len(name) <= LABEL_CHARACTERS_MAX:
        return name
    return name[: LABEL_CHARACTERS_MAX - 1].rstrip() + "…"


def _width(needs: int, most: int) -> float:
    """Make a line thicker with more needs; the root keeps a large peer from hiding the others."""
    if not most:
        return THIN
    return round(THIN + (THICK - THIN) * math.sqrt(needs / most), 1)
