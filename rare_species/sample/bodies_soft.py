"""Body plans of molluscs, echinoderms and cnidarians: turn dials into parts. y points down."""

import math

import numpy as np

from rare_species.sample.flat_parts import Part, Points, Role, curve, ellipse, tube
from rare_species.sample.keyed_random import Dials


def snail(dials: Dials) -> list[Part]:
    """Draw a snail from the side: foot, feelers and a coiled shell."""
    size, flat = dials.trait("shell", 0.34, 0.56), dials.trait("flat", 0.65, 1.0)
    foot, turns = dials.trait("foot", 0.6, 0.9), dials.trait("turns", 1.6, 3.2)
    rise = dials.pose("rise", 0.02, 0.3)
    neck = (-foot * 0.75, 0.38 - rise * 0.5)
    head = (-foot - 0.06, 0.3 - rise)
    feelers = [
        Part(
            tube(
                [
                    head,
                    (head[0] - 0.1 - dx, head[1] - dials.trait("feelers", 0.08, 0.32)),
                ],
                [0.03, 0.014],
                4,
            ),
            Role.BELLY,
            shade=0.9,
        )
        for dx in (0.0, 0.1)
    ]
    parts = [
        *feelers,
        Part(tube([(foot + 0.1, 0.5), (0.2, 0.46), neck, head], [0.02, 0.11, 0.1, 0.08]), Role.BELLY, True),
    ]
    centre_x, centre_y = 0.08, 0.4 - size * flat
    parts.append(Part(ellipse(centre_x, centre_y, size, size * flat), Role.COAT, True))
    for step in range(26):
        angle, radius = 0.9 + step / 25 * turns * 6.28, size * 0.96 * (1 - step / 27)
        x, y = centre_x + radius * 0.72 * math.cos(angle), centre_y + radius * flat * 0.72 * math.sin(angle)
        bead = radius * 0.2 + 0.012
        parts.append(
            Part(ellipse(x, y, bead, bead * flat), Role.ACCENT if step % 2 else Role.COAT, True, 1.0 - step * 0.006)
        )
    return parts


def bivalve(dials: Dials) -> list[Part]:
    """Draw a clam or mussel: a fan of growth rings and ribs."""
    long, deep = dials.trait("length", 0.5, 0.85), dials.trait("depth", 0.36, 0.62)
    skew, ribs = dials.trait("skew", -0.4, 0.4), round(dials.trait("ribs", 3, 15))
    hinge = (skew * long, -deep)
    rim: Points = ellipse(0, 0, long, deep)
    rim = np.where(rim[:, 1:] < -deep * 0.4, rim * np.array([0.75, 1.0]) + np.array([skew * long * 0.3, 0.0]), rim)
    parts = [Part(rim + np.array([0.03, 0.07]), Role.BELLY, shade=0.8)]
    for ring in range(5):
        grow = 1 - ring * 0.19
        role = Role.ACCENT if ring % 2 and dials.has("rings") else Role.COAT
        parts.append(Part((rim - hinge) * grow + hinge, role, True, 1.0 - 0.05 * (ring % 2)))
    if dials.has("ribbed"):
        for rib in range(ribs):
            angle = 0.25 + 2.64 * rib / max(ribs - 1, 1)
            tip = (long * math.cos(angle) * 0.93, deep * math.sin(angle) * 0.93)
            parts.append(Part(tube([hinge, tip], [0.006, 0.014], 3), Role.DETAIL, shade=1.3))
    return [*parts, Part(ellipse(*hinge, 0.09, 0.06), Role.DETAIL)]


def starfish(dials: Dials) -> list[Part]:
    """Draw a starfish from above."""
    arms = 5 if dials.trait("arms", 0, 1) < 0.8 else 7
    reach, broad = dials.trait("reach", 0.65, 1.0), dials.trait("broad", 0.1, 0.26)
    tip = dials.trait("tip", 0.02, 0.09)
    parts, beads = [], []
    for arm in range(arms):
        angle = arm * 2 * math.pi / arms + dials.pose(f"arm{arm}", -0.1, 0.1)
        bend = angle + dials.pose(f"bend{arm}", -0.3, 0.3)
        middle = (reach * 0.55 * math.cos(angle), reach * 0.55 * math.sin(angle))
        end = (middle[0] + reach * 0.45 * math.cos(bend), middle[1] + reach * 0.45 * math.sin(bend))
        parts.append(
            Part(tube([(0, 0), middle, end], [broad * 1.5, broad, tip]), Role.COAT, True, 1.0 - 0.04 * (arm % 2))
        )
        for bead in range(5):
            at = 0.2 + 0.17 * bead
            size = 0.012 + dials.trait("beads", 0.0, 0.03) * (1 - at)
            beads.append(Part(ellipse(middle[0] * at * 1.6, middle[1] * at * 1.6, size, size), Role.ACCENT))
    hub = Part(ellipse(0, 0, broad * 1.45, broad * 1.45), Role.COAT, True)
    return [*parts, hub, *(beads if dials.has("beaded") else [])]


def cucumber(dials: Dials) -> list[Part]:
    """Draw a sea cucumber: a warty sausage."""
    long, thick = dials.trait("length", 0.6, 0.9), dials.trait("thick", 0.15, 0.3)
    bend = dials.pose("bend", -0.35, 0.35)
    parts = [
        Part(tube([(-long, bend * 0.4), (0, 0), (long, bend)], [thick * 0.75, thick, thick * 0.7]), Role.COAT, True)
    ]
    for wart in range(24):
        x, across = (wart % 8 - 3.5) / 3.8 * long, (wart // 8 - 1) * thick * 0.62
        y = across + bend * (0.7 if x > 0 else 0.4) * (x / long) ** 2
        size = dials.trait("warts", 0.015, 0.06)
        parts.append(Part(ellipse(x, y, size, size * 0.8), Role.ACCENT))
    return [*parts, Part(ellipse(-long - thick * 0.5, bend * 0.4, 0.06, thick * 0.4), Role.DETAIL)]


def _branch(
    dials: Dials, path: str, root: tuple[float, float], *, angle: float, length: float, depth: int
) -> list[Part]:
    end = (root[0] + length * math.cos(angle), root[1] + length * math.sin(angle))
    thick = dials.trait("thick", 0.03, 0.09) * (0.55 + 0.15 * depth)
    parts = [Part(tube([root, end], [thick, thick * 0.85], 3), Role.COAT, True, 0.8 + 0.07 * (3 - depth))]
    if depth == 0:
        return [*parts, Part(ellipse(*end, thick * 0.85, thick * 0.85), Role.BELLY)]
    spread, shorter = dials.trait("spread", 0.3, 0.8), length * dials.trait("taper", 0.6, 0.85)
    for name, side in (("l", -1), ("r", 1)):
        turn = angle + side * spread * (0.6 + 0.5 * dials.pose(path + name, 0.0, 1.0))
        parts += _branch(dials, path + name, end, angle=turn, length=shorter, depth=depth - 1)
    return parts


def branching_coral(dials: Dials) -> list[Part]:
    """Draw a branching coral growing from the ground."""
    parts = []
    for stem in range(3):
        angle = -math.pi / 2 + (stem - 1) * dials.trait("fan", 0.3, 0.8) + dials.pose(f"stem{stem}", -0.15, 0.15)
        root = ((stem - 1) * 0.16, 0.75)
        parts += _branch(dials, str(stem), root, angle=angle, length=dials.trait("stem", 0.35, 0.55), depth=3)
    return parts


def boulder_coral(dials: Dials) -> list[Part]:
    """Draw a massive coral: a dome of cups or winding grooves."""
    wide, high = dials.trait("wide", 0.6, 0.95), dials.trait("high", 0.45, 0.8)
    parts = [Part(ellipse(0, 0.2, wide, high), Role.COAT, True, 0.85)]
    cup, winding = dials.trait("cup", 0.045, 0.11), dials.has("winding")
    for index in range(60):
        turn, out = index * 2.39996, math.sqrt((index + 0.5) / 60) * 0.92
        x, y = wide * out * math.cos(turn), 0.2 + high * out * math.sin(turn)
        size = cup * (1.1 - 0.35 * out)
        stretch = 1.0 + 1.6 * dials.pose(f"cup{index % 7}", 0.0, 1.0) if winding else 1.0
        parts.append(
            Part(ellipse(x, y, size * stretch, size * 0.8, turn * 1.7), Role.ACCENT if winding else Role.COAT, True)
        )
        if not winding:
            parts.append(Part(ellipse(x, y, size * 0.5, size * 0.45), Role.DETAIL))
    return parts


def jellyfish(dials: Dials) -> list[Part]:
    """Draw a drifting jellyfish."""
    wide, high = dials.trait("wide", 0.4, 0.65), dials.trait("high", 0.3, 0.6)
    count, long = round(dials.trait("tentacles", 5, 14)), dials.trait("long", 0.4, 1.0)
    parts = []
    for index in range(count):
        x = wide * 0.85 * (2 * index / (count - 1) - 1)
        sway, drift = dials.pose(f"sway{index}", -0.15, 0.15), dials.pose("drift", -0.3, 0.3)
        line = [(x, 0.0), (x + sway, long * 0.5), (x - sway + drift, long)]
        parts.append(Part(tube(line, [0.022, 0.016, 0.006], 6), Role.ACCENT if index % 2 else Role.BELLY))
    for index in range(3):
        x, sway = (index - 1) * wide * 0.25, dials.pose(f"arm{index}", -0.12, 0.12)
        parts.append(
            Part(
                tube([(x, 0), (x + sway, long * 0.35), (x - sway, long * 0.65)], [0.09, 0.07, 0.02]),
                Role.BELLY,
                True,
                0.95,
            )
        )
    bell = curve(
        [
            (-wide, 0.03),
            (-wide * 0.8, -high * 0.7),
            (0, -high),
            (wide * 0.8, -high * 0.7),
            (wide, 0.03),
            (wide * 0.5, 0.1),
            (0, 0.05),
            (-wide * 0.5, 0.1),
            (-wide, 0.03),
        ],
        6,
    )
    return [
        *parts,
        Part(bell, Role.COAT, True),
        Part(ellipse(0, -high * 0.45, wide * 0.4, high * 0.25), Role.BELLY, shade=1.02),
    ]


def anemone(dials: Dials) -> list[Part]:
    """Draw an anemone or a large polyp: a disc in a crown of tentacles."""
    count, long = round(dials.trait("tentacles", 12, 30)), dials.trait("long", 0.35, 0.7)
    thick, disc = dials.trait("thick", 0.03, 0.08), dials.trait("disc", 0.16, 0.34)
    parts = []
    for index in range(count):
        angle = index * 2 * math.pi / count
        bend = angle + dials.pose(f"bend{index}", -0.5, 0.5)
        middle = ((disc + long * 0.5) * math.cos(angle), (disc + long * 0.5) * math.sin(angle))
        tip = (middle[0] + long * 0.5 * math.cos(bend), middle[1] + long * 0.5 * math.sin(bend))
        parts.append(
            Part(
                tube([(0, 0), middle, tip], [thick, thick, thick * 0.7], 5), Role.COAT, True, 0.85 + 0.15 * (index % 2)
            )
        )
        parts.append(Part(ellipse(*tip, thick * 0.8, thick * 0.8), Role.ACCENT))
    return [
        *parts,
        Part(ellipse(0, 0, disc, disc), Role.BELLY, True),
        Part(ellipse(0, 0, disc * 0.3, disc * 0.2), Role.DETAIL),
    ]
