"""The map of the network: this instance in the middle, each peer on a ring around it. Pure.

We know only our own peers, so the picture is a star and no more. It is drawn by the server as
plain SVG without a style, a script or a picture of anybody else; the table beside it says the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 360
MARGIN = 30
# More names than these would stand on one another.
SHOWN_MAX = 10
ROOMY_MAX = 6
NODE_RADIUS = 9
LABEL_CHARACTERS_MAX, LABEL_CHARACTERS_CROWDED = 16, 10
CHARACTER_WIDTH = 8
ABOVE, BELOW = 26, 44
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
    label_x: float
    in_step: bool
    width: float


@dataclass(frozen=True)
class NetworkMap:
    """Everything that the picture shows, in the units of its view box."""

    width: int
    top: float
    height: float
    x: float
    y: float
    label: str
    nodes: Sequence[Node]
    more: int


def draw(name: str, dots: Sequence[Dot]) -> NetworkMap:
    """Place the peers, those that share most first; the rest stands in the table."""
    ranked = sorted(dots, key=lambda dot: (-dot.needs, dot.name))
    shown, more = ranked[:SHOWN_MAX], max(len(ranked) - SHOWN_MAX, 0)
    longest = LABEL_CHARACTERS_MAX if len(shown) <= ROOMY_MAX else LABEL_CHARACTERS_CROWDED
    reach = WIDTH / 2 - MARGIN - 24
    x, y = WIDTH / 2, WIDTH / 2
    # Nobody right below the middle, where its own name stands.
    turn = math.pi / len(shown) if shown and len(shown) % 4 == 0 else 0
    most = max((dot.needs for dot in shown), default=0)
    nodes = []
    for index, dot in enumerate(shown):
        angle = 2 * math.pi * index / len(shown) + turn
        label = _label(dot.name, longest)
        at = x + reach * math.cos(angle)
        half = len(label) * CHARACTER_WIDTH / 2
        nodes.append(
            Node(
                x=round(at, 1),
                y=round(y + reach * math.sin(angle), 1),
                label=label,
                label_x=round(min(max(at, half), WIDTH - half), 1),
                in_step=dot.in_step,
                width=_width(dot.needs, most),
            )
        )
    heights = [y, *(node.y for node in nodes)]
    top, bottom = min(heights) - ABOVE, max(heights) + BELOW
    return NetworkMap(
        WIDTH, top, bottom - top, x, y, _label(name, LABEL_CHARACTERS_MAX), nodes, more
    )


def _label(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1].rstrip() + "…"


def _width(needs: int, most: int) -> float:
    """Make a line thicker with more needs; the root keeps a large peer from hiding the others."""
    if not most:
        return THIN
    return round(THIN + (THICK - THIN) * math.sqrt(needs / most), 1)
