"""The look of each kind of actor along its path.

Bodies are in units of the actor's own standing height: x forward, y up, feet at the origin.
`way` is the distance covered so far, in the same units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from vadkit_datasets.walkway.shapes import Part


@dataclass(frozen=True, slots=True)
class Appearance:
    """Gray values, 0 to 255, and gait."""

    coat: float  # gray value, as are `legs`, `hair` and `skin`
    legs: float
    hair: float
    skin: float
    pack: float  # gray value of a backpack; negative for none
    stride: float  # heights walked in two steps
    swing: float  # how far a foot reaches out, heights

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Appearance:
        """Draw a random look."""
        coat, legs, hair, skin, pack, stride, swing = rng.random(7).tolist()
        return cls(
            coat=65 + 125 * coat,
            legs=55 + 70 * legs,
            hair=45 + 70 * hair,
            skin=140 + 45 * skin,
            pack=60 + 300 * pack if pack < 0.35 else -1,
            stride=0.75 + 0.25 * stride,
            swing=0.14 + 0.08 * swing,
        )


def reach(kind: str) -> float:
    """Distance from an actor's feet to its foremost point, heights."""
    return {"van": 1.2, "cart": 0.9, "bicycle": 0.65}.get(kind, 0.35)


def _shadow(half: float) -> Part:
    return Part(-half, 0.0, half, 0.0, 0.06, 25.0, opacity=0.35)


def _head(look: Appearance, x: float, y: float) -> list[Part]:
    return [
        Part(x, y, x, y, 0.105, look.hair),
        Part(x + 0.045, y - 0.015, x + 0.045, y - 0.015, 0.07, look.skin),
    ]


def _walker(look: Appearance, way: float) -> list[Part]:
    swing = math.sin(2 * math.pi * way / look.stride)
    bob = 0.015 * abs(swing)
    foot, hand, hip, neck = look.swing * swing, 0.8 * look.swing * swing, 0.46 + bob, 0.72 + bob
    body = [
        _shadow(0.22),
        Part(0.0, hip, -foot, 0.05, 0.06, 0.75 * look.legs),
        Part(0.02, neck, hand, 0.45, 0.045, 0.8 * look.coat),
        Part(0.0, hip + 0.05, 0.02, neck, 0.115, look.coat),
        Part(0.0, hip, foot, 0.05, 0.06, look.legs),
        Part(0.02, neck, -hand, 0.45, 0.045, 0.9 * look.coat),
        *_head(look, 0.02, neck + 0.18),
    ]
    if look.pack >= 0:
        body.insert(4, Part(-0.14, hip + 0.1, -0.14, neck, 0.07, look.pack))
    return body


def _runner(look: Appearance, way: float) -> list[Part]:
    turn = 2 * math.pi * way / (1.5 * look.stride)
    swing, lift = math.sin(turn), math.cos(turn)
    shirt = 25.0 if look.coat < 125 else 235.0
    body = [_shadow(0.25)]
    for side, ink in ((-1, 0.75 * look.legs), (1, look.legs)):
        knee = (0.1 + 0.2 * side * swing, 0.3 + 0.06 * side * lift)
        foot = (0.38 * side * swing - 0.06, 0.06 + 0.24 * max(0.0, side * lift))
        body += [Part(0.0, 0.48, *knee, 0.06, ink), Part(*knee, *foot, 0.05, ink)]
    for side, ink in ((1, 0.8 * shirt), (-1, shirt)):
        elbow = (0.02 + 0.2 * side * swing, 0.55)
        hand = (elbow[0] + 0.14, 0.6)
        body += [Part(0.1, 0.74, *elbow, 0.045, ink), Part(*elbow, *hand, 0.045, look.skin)]
    return [*body, Part(0.0, 0.5, 0.12, 0.74, 0.11, shirt), *_head(look, 0.2, 0.9)]


def _wheel(x: float, radius: float, turn: float, hub: float = 230.0) -> list[Part]:
    dx, dy = 0.75 * radius * math.cos(turn), -0.75 * radius * math.sin(turn)
    return [
        Part(x - dx, radius - dy, x + dx, radius + dy, 0.015, hub),
        Part(x, radius, x, radius, 0.85 * radius, 12.0, ring=0.2 * radius),
    ]


def _bicycle(look: Appearance, way: float) -> list[Part]:
    turn = way / 0.24
    pedal = (0.08 * math.cos(turn / 2), 0.22 - 0.08 * math.sin(turn / 2))
    return [
        _shadow(0.55),
        *_wheel(-0.38, 0.24, turn),
        *_wheel(0.38, 0.24, turn),
        Part(-0.38, 0.24, 0.0, 0.24, 0.025, 240.0),
        Part(0.0, 0.24, -0.12, 0.56, 0.025, 240.0),
        Part(-0.12, 0.5, 0.28, 0.54, 0.025, 240.0),
        Part(0.38, 0.24, 0.26, 0.68, 0.025, 240.0),
        Part(-0.1, 0.6, 0.14, 0.42, 0.06, look.legs),
        Part(0.14, 0.42, *pedal, 0.05, look.legs),
        Part(-0.1, 0.66, 0.1, 0.9, 0.11, look.coat),
        Part(0.1, 0.88, 0.27, 0.68, 0.045, look.skin),
        *_head(look, 0.17, 1.08),
    ]


def _skateboard(look: Appearance, way: float) -> list[Part]:
    sway = 0.06 * math.sin(2 * way)
    return [
        _shadow(0.35),
        *(Part(x, 0.03, x, 0.03, 0.045, 10.0) for x in (-0.24, 0.24)),
        Part(-0.34, 0.1, 0.34, 0.1, 0.025, 240.0, thick=0.015),
        Part(0.0, 0.5, -0.2, 0.14, 0.06, look.legs),
        Part(0.0, 0.5, 0.2, 0.14, 0.06, look.legs),
        Part(0.0, 0.54, 0.08, 0.78, 0.115, look.coat),
        Part(0.05, 0.78, -0.3, 0.74 + sway, 0.045, look.coat),
        Part(0.05, 0.78, 0.38, 0.74 - sway, 0.045, look.coat),
        *_head(look, 0.1, 0.97),
    ]


def _van(look: Appearance, way: float) -> list[Part]:
    body = 90 + 0.35 * look.coat
    windows = [Part(x, 0.88, x + 0.3, 0.88, 0.03, 35.0, thick=0.1) for x in (-0.9, -0.42, 0.06)]
    stripes = [Part(x, 0.4, x + 0.12, 0.54, 0.0, 235.0, thick=0.05) for x in np.arange(-0.95, 0.75, 0.28).tolist()]
    return [
        _shadow(1.2),
        Part(-1.05, 0.64, 0.75, 0.64, 0.08, body, thick=0.42),
        Part(0.75, 0.5, 1.0, 0.5, 0.1, body, thick=0.25),
        *windows,
        *stripes,
        Part(0.62, 0.74, 0.76, 1.0, 0.03, 45.0, thick=0.05),
        Part(1.05, 0.45, 1.08, 0.45, 0.05, 245.0),
        *_wheel(-0.65, 0.22, way / 0.22),
        *_wheel(0.65, 0.22, way / 0.22),
    ]


def _cart(look: Appearance, way: float) -> list[Part]:
    return [
        _shadow(0.8),
        Part(-0.6, 0.3, -0.6, 1.2, 0.025, 240.0),
        Part(-0.35, 0.5, -0.2, 0.88, 0.13, look.coat),
        *_head(look, -0.12, 1.0),
        Part(-0.25, 0.82, 0.15, 0.66, 0.045, look.skin),
        Part(-0.7, 0.34, 0.65, 0.34, 0.06, 60 + 0.3 * look.coat, thick=0.12),
        *(Part(x, 0.26, x, 0.42, 0.03, 225.0) for x in (-0.5, -0.25, 0.0, 0.25, 0.5)),
        Part(0.55, 0.4, 0.42, 1.2, 0.025, 240.0),
        Part(-0.72, 1.22, 0.56, 1.22, 0.03, 235.0, thick=0.03),
        *_wheel(-0.5, 0.19, way / 0.19),
        *_wheel(0.5, 0.19, way / 0.19),
    ]


def _bag(look: Appearance, way: float) -> list[Part]:
    hop = way / 2.6
    share = hop % 1
    height = 0.25 + 4.4 * share * (1 - share) * 0.75 ** max(0, math.floor(hop))
    turn = 1.8 * way
    dx, dy = 0.22 * math.cos(turn), 0.22 * math.sin(turn)
    ink = 15.0 if look.coat < 125 else 245.0
    return [
        _shadow(0.25),
        Part(-1.3 * dy, height + 1.3 * dx, -1.3 * dy, height + 1.3 * dx, 0.12, ink, ring=0.04),
        Part(-dx, height - dy, dx, height + dy, 0.05, ink, thick=0.17),
        Part(-0.8 * dx, height - 0.8 * dy, 0.8 * dx, height + 0.8 * dy, 0.05, 255.0 - ink),
    ]


BODIES: Mapping[str, Callable[[Appearance, float], list[Part]]] = {
    "walker": _walker,
    "wrong_way": _walker,
    "runner": _runner,
    "bicycle": _bicycle,
    "skateboard": _skateboard,
    "van": _van,
    "cart": _cart,
    "bag": _bag,
}
"""Kind of actor -> function of its look and the distance covered; it returns the parts in painting order."""
