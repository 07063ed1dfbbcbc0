"""Body plans of insects, spiders and crabs, seen from above: turn dials into parts. All face left."""

import math

import numpy as np

from rare_species.sample.flat_parts import Part, Points, Role, curve, ellipse, tube
from rare_species.sample.keyed_random import Dials


def _insect_legs(dials: Dials, roots: tuple[float, ...], deep: float) -> list[Part]:
    reach, thin = dials.trait("legs", 0.2, 0.55), dials.trait("leg-width", 0.014, 0.035)
    parts = []
    for index, x in enumerate(roots):
        lean = (index - (len(roots) - 1) / 2) * 0.28
        for side in (-1, 1):
            swing = dials.pose(f"step{index}{side}", -0.1, 0.1)
            knee = (x + lean * 0.6 + swing, side * (deep + reach * 0.55))
            foot = (x + lean * 1.6 + swing * 1.6, side * (deep + reach))
            parts.append(
                Part(tube([(x, side * deep * 0.3), knee, foot], [thin * 1.6, thin * 1.2, thin * 0.6], 4), Role.DETAIL)
            )
    return parts


def _antennae(dials: Dials, x: float, longest: float) -> list[Part]:
    length, thin = dials.trait("antennae", 0.15, longest), dials.trait("antenna-width", 0.009, 0.02)
    parts = []
    for side in (-1, 1):
        sway = dials.pose(f"sway{side}", 0.25, 0.75)
        middle = (x - length * 0.55, side * (0.06 + length * 0.3 * sway))
        tip = (x - length * (1.0 - sway * 0.7), side * (0.08 + length * 0.85 * sway))
        parts.append(Part(tube([(x, side * 0.04), middle, tip], [thin * 1.3, thin, thin * 0.7], 6), Role.DETAIL))
    return parts


def beetle(dials: Dials) -> list[Part]:
    """Draw a beetle from above: wing cases, shield, head, six legs."""
    long, deep = dials.trait("length", 0.36, 0.55), dials.trait("depth", 0.19, 0.33)
    shield, head = dials.trait("shield", 0.13, 0.24), dials.trait("head", 0.08, 0.15)
    waist, jaw = dials.trait("waist", 0.6, 1.0), dials.trait("jaws", 0.04, 0.2)
    front = 0.15 - long
    neck = front - shield
    jaws = [
        Part(
            tube(
                [(neck - head, s * 0.05), (neck - head - jaw, s * 0.07), (neck - head - jaw * 1.3, s * 0.01)],
                [0.025, 0.02, 0.006],
                4,
            ),
            Role.DETAIL,
        )
        for s in (-1, 1)
    ]
    case = tube(
        [(front + 0.02, 0), (0.1, 0), (0.15 + long * 0.6, 0), (0.15 + long, 0)],
        [deep * 0.75, deep, deep * 0.85, deep * 0.2],
    )
    grooves = [
        Part(
            tube([(front + 0.1, s * deep * at), (0.1 + long * 0.8, s * deep * at * 0.8)], [0.008, 0.006], 4),
            Role.DETAIL,
        )
        for at in (0.35, 0.65)
        for s in (-1, 1)
    ]
    return [
        *_insect_legs(dials, (front - shield * 0.5, front + 0.06, 0.1), deep * 0.8),
        *_antennae(dials, neck - head * 0.7, 1.3),
        *jaws,
        Part(ellipse(neck - head * 0.4, 0, head, head * 0.85), Role.DETAIL, shade=1.3),
        Part(
            ellipse(front - shield * 0.45, 0, shield * 0.75, deep * waist),
            Role.ACCENT if dials.has("bright-shield") else Role.COAT,
        ),
        Part(case, Role.COAT, True),
        *(grooves if dials.has("grooves") else []),
        Part(tube([(front + 0.02, 0), (0.15 + long, 0)], [0.009, 0.009], 4), Role.DETAIL),
    ]


def _wing_pair(dials: Dials, side: float, fold: float) -> list[Part]:
    span, broad = dials.trait("span", 0.6, 0.9), dials.trait("broad", 0.28, 0.55)
    tip, lower = dials.trait("tip", -0.55, -0.1), dials.trait("lower", 0.3, 0.6)
    tail = dials.trait("tails", -0.15, 0.45)
    hind = [
        (0.02, 0.0),
        (0.2, lower * 0.9),
        (0.42 + max(tail, 0) * 0.5, lower),
        (0.6, lower * 0.62),
        (0.4, 0.1),
        (0.05, 0.0),
    ]
    fore = [
        (-0.1, 0.0),
        (tip - 0.1, span * 0.7),
        (tip, span),
        (tip + broad, span * 0.85),
        (0.12, span * 0.4),
        (0.1, 0.0),
    ]
    scale = np.array([1.0, side * fold])
    parts = [Part(curve(hind, 5) * scale, Role.COAT, True, 0.92), Part(curve(fore, 5) * scale, Role.COAT, True)]
    if tail > 0.1:
        parts.insert(
            0, Part(tube([(0.42, lower * 0.7), (0.6 + tail * 0.6, lower * 0.85)], [0.06, 0.03], 4) * scale, Role.ACCENT)
        )
    border = (
        tube([(tip, span * 0.97), (tip + broad * 0.7, span * 0.84), (0.14, span * 0.42)], [0.05, 0.06, 0.03]) * scale
    )
    parts.append(Part(border, Role.DETAIL if dials.has("dark-border") else Role.ACCENT))
    spot = dials.trait("eyespot", -0.04, 0.11)
    if spot > 0.02:
        for x, y in ((0.36, lower * 0.6), (tip + broad * 0.45, span * 0.68)):
            parts.append(Part(ellipse(x, y, spot, spot) * scale, Role.DETAIL))
            parts.append(Part(ellipse(x, y, spot * 0.5, spot * 0.5) * scale, Role.BELLY))
    return parts


def butterfly(dials: Dials) -> list[Part]:
    """Draw a butterfly with open wings."""
    fold = dials.pose("fold", 0.55, 1.0)
    other = fold * dials.pose("lean", 0.6, 1.0)
    thick = dials.trait("thick", 0.03, 0.06)
    return [
        *_wing_pair(dials, 1, fold),
        *_wing_pair(dials, -1, other),
        *_antennae(dials, -0.3, 0.6),
        Part(tube([(-0.32, 0), (-0.1, 0), (0.35, 0)], [thick, thick * 1.3, thick * 0.5]), Role.DETAIL, shade=1.2),
        Part(ellipse(-0.34, 0, thick, thick), Role.DETAIL),
    ]


def spider(dials: Dials) -> list[Part]:
    """Draw a spider from above."""
    rear, front = dials.trait("rear", 0.2, 0.36), dials.trait("front", 0.13, 0.24)
    reach, thick = dials.trait("legs", 0.45, 0.8), dials.trait("leg-width", 0.02, 0.06)
    legs = []
    for index, angle in enumerate((0.5, 1.05, 1.75, 2.4)):
        for side in (-1, 1):
            turn = angle + dials.pose(f"leg{index}{side}", -0.15, 0.15)
            knee = (-0.1 - reach * 0.6 * math.cos(turn), side * reach * 0.65 * math.sin(turn))
            foot = (-0.1 - reach * 1.15 * math.cos(turn), side * (reach * math.sin(turn) + 0.08))
            legs.append(
                Part(tube([(-0.12, 0), knee, foot], [thick, thick * 1.1, thick * 0.5], 6), Role.COAT, True, 0.9)
            )
    eyes = [
        Part(ellipse(-0.14 - front * 0.75, s * front * at, 0.02, 0.02), Role.WHITE)
        for at in (0.15, 0.45)
        for s in (-1, 1)
    ]
    return [
        *legs,
        Part(ellipse(0.05 + rear, 0, rear * 1.15, rear * dials.trait("round", 0.7, 1.0)), Role.COAT, True),
        Part(ellipse(-0.14, 0, front, front * 0.85), Role.ACCENT),
        *eyes,
    ]


def crab(dials: Dials) -> list[Part]:
    """Draw a crab from above."""
    long, deep = dials.trait("length", 0.24, 0.36), dials.trait("depth", 0.34, 0.52)
    claw, arm = dials.trait("claw", 0.12, 0.28), dials.trait("arm", 0.2, 0.45)
    parts = _insect_legs(dials, (-0.1, 0.06, 0.2, 0.3), deep * 0.8)
    for side in (-1, 1):
        lift = dials.pose(f"claw{side}", -0.12, 0.12)
        wrist = (-long - arm * 0.7, side * (deep * 0.9 + lift))
        parts.append(
            Part(
                tube(
                    [(-long * 0.4, side * deep * 0.7), (-long * 0.6, side * (deep + arm * 0.5)), wrist],
                    [0.07, 0.08, 0.07],
                    5,
                ),
                Role.COAT,
                True,
            )
        )
        parts.append(
            Part(
                tube(
                    [wrist, (wrist[0] - claw, wrist[1] - side * 0.03), (wrist[0] - claw * 1.7, wrist[1] - side * 0.12)],
                    [claw * 0.6, claw * 0.5, 0.015],
                ),
                Role.COAT,
                True,
            )
        )
        parts.append(
            Part(
                tube([wrist, (wrist[0] - claw * 1.4, wrist[1] - side * claw * 0.9)], [claw * 0.3, 0.012], 4),
                Role.ACCENT,
            )
        )
    eyes = [
        Part(tube([(-long * 0.8, s * 0.12), (-long * 1.3, s * 0.14)], [0.025, 0.04], 3), Role.DETAIL) for s in (-1, 1)
    ]
    shell: Points = curve(
        [
            (-long, 0),
            (-long * 0.8, deep * 0.7),
            (-0.02, deep),
            (long * 0.8, deep * 0.5),
            (long, 0),
            (long * 0.8, -deep * 0.5),
            (-0.02, -deep),
            (-long * 0.8, -deep * 0.7),
            (-long, 0),
        ],
        5,
    )
    return [*parts, *eyes, Part(shell, Role.COAT, True)]
