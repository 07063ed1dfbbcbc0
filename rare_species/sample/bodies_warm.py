"""Body plans of mammals and birds: turn dials into parts. All face left; y points down."""

import math

from rare_species.sample.flat_parts import Part, Role, coat, ellipse, eye, tube
from rare_species.sample.keyed_random import Dials


def _leg(dials: Dials, name: str, x: float, top: float, *, shade: float) -> list[Part]:
    length, width = dials.trait("legs", 0.3, 0.75), dials.trait("leg-width", 0.04, 0.085)
    swing = dials.pose(f"swing-{name}", -0.16, 0.16)
    knee = (x + swing * 0.6 + 0.03, top + length * 0.55)
    foot = (x + swing, top + length)
    return [
        Part(tube([foot, (foot[0] - width * 1.3, foot[1])], [width, width * 0.8], 3), Role.DETAIL, shade=shade),
        coat(tube([(x, top), knee, foot], [width * 1.9, width, width * 0.8], 5), shade),
    ]


def _headgear(dials: Dials, x: float, y: float, size: float) -> list[Part]:
    """Draw horns, antlers or nothing above a head at (x, y)."""
    length, sweep = dials.trait("horn", 0.0, 0.7), dials.trait("horn-sweep", -0.3, 0.5)
    if length < 0.12:
        return []
    parts = []
    for shade, lean in ((0.75, 0.1), (1.0, 0.0)):
        tip = (x + sweep * length + lean, y - length)
        middle = (x + lean + sweep * length * 0.1 + 0.08, y - length * 0.5)
        parts.append(Part(tube([(x, y), middle, tip], [size * 0.2, size * 0.14, 0.012], 6), Role.BONE, shade=shade))
        for at in (0.35, 0.7) if dials.has("antlers") else ():
            root = (x + lean + (middle[0] - x) * at * 1.2, y - length * at)
            fork = (root[0] - length * 0.3, root[1] - length * 0.28)
            parts.append(Part(tube([root, fork], [size * 0.13, 0.01], 4), Role.BONE, shade=shade))
    return parts


def _mammal_head(dials: Dials, x: float, y: float) -> list[Part]:
    size = dials.trait("head", 0.13, 0.24)
    nose = size * dials.trait("snout", 0.5, 2.2)
    drop = dials.pose("nod", -0.02, 0.14)
    ear, ear_width = size * dials.trait("ears", 0.4, 1.5), size * dials.trait("ear-width", 0.18, 0.45)
    muzzle = (x - size * 0.6 - nose, y + drop + size * 0.3)
    ears = [
        Part(tube([(x + dx, y - size * 0.6), (x + dx + ear * 0.35, y - size * 0.6 - ear)], [ear_width, 0.02], 4), role)
        for dx, role in ((size * 0.5, Role.ACCENT), (size * 0.1, Role.COAT))
    ]
    return [
        *_headgear(dials, x + size * 0.1, y - size * 0.6, size),
        *ears,
        coat(ellipse(x, y, size, size * 0.9)),
        coat(tube([(x - size * 0.2, y + size * 0.1), muzzle], [size * 0.75, size * 0.42], 5)),
        Part(ellipse(muzzle[0], muzzle[1] + size * 0.1, size * 0.42, size * 0.36), Role.BELLY, outlined=False),
        Part(ellipse(muzzle[0] - size * 0.3, muzzle[1] - size * 0.1, size * 0.17, size * 0.13), Role.DETAIL),
        *eye(x - size * 0.35, y - size * 0.15, size * 0.17),
    ]


def _mammal_tail(dials: Dials, x: float, y: float) -> list[Part]:
    length, curl = dials.trait("tail", 0.1, 0.8), dials.pose("tail", -0.5, 0.6)
    width = dials.trait("tail-width", 0.02, 0.09)
    tip = (x + length * 0.7, y + length * 0.6 - curl * 0.5)
    line = [(x - 0.04, y), (x + length * 0.5, y + 0.06 + curl * 0.2), tip]
    return [coat(tube(line, [0.05, width, width * 0.8], 6)), Part(ellipse(*tip, width, width * 1.3), Role.ACCENT)]


def quadruped(dials: Dials) -> list[Part]:
    """Draw a walking mammal from the side."""
    long, deep = dials.trait("length", 0.45, 0.72), dials.trait("depth", 0.17, 0.32)
    neck, hump = dials.trait("neck", 0.12, 0.6), dials.trait("hump", -0.03, 0.12)
    lift = dials.pose("graze", -1.25, -0.1) if dials.has("grazes") else dials.pose("graze", -0.9, -0.3)
    head = (-long - neck * math.cos(lift) * 0.8, -deep * 0.4 + neck * math.sin(lift))
    hip, shoulder = long * 0.82, -long * 0.75
    trunk = [(-long, -0.02), (-long * 0.5, -hump), (0.1, 0.0), (long * 0.7, -0.03), (long, 0.0)]
    throat = [(-long * 0.7, 0.0), ((head[0] - long) / 2, (head[1] - deep * 0.3) / 2), head]
    belly = [(-long * 0.7, deep * 0.66), (0.0, deep * 0.72), (long * 0.7, deep * 0.6)]
    return [
        *_leg(dials, "a", hip - 0.1, deep * 0.3, shade=0.7),
        *_leg(dials, "b", shoulder + 0.1, deep * 0.3, shade=0.7),
        *_mammal_tail(dials, long, -deep * 0.4),
        coat(tube(trunk, [deep * 0.75, deep, deep * 0.92, deep * 0.95, deep * 0.6])),
        Part(tube(belly, [0.01, deep * 0.2, 0.01]), Role.BELLY, outlined=False, shade=0.9),
        coat(tube(throat, [deep * 0.75, deep * 0.5, 0.1])),
        *_leg(dials, "c", hip, deep * 0.25, shade=1.0),
        *_leg(dials, "d", shoulder, deep * 0.25, shade=1.0),
        *_mammal_head(dials, *head),
    ]


def _bird_head(dials: Dials, x: float, y: float) -> list[Part]:
    size = dials.trait("head", 0.1, 0.2)
    beak, hook = dials.trait("beak", 0.1, 0.6), dials.trait("hook", -0.05, 0.16)
    thick = size * dials.trait("beak-width", 0.2, 0.7)
    root, tip = (x - size * 0.7, y + 0.01), (x - size * 0.7 - beak, y + 0.02 + hook)
    bill = [root, ((root[0] + tip[0]) / 2, root[1] - hook * 0.3), tip]
    crest = dials.trait("crest", -0.2, 0.45)
    plume = [(x, y - size * 0.6), (x + crest * 0.6, y - size - crest * 0.3), (x + crest * 1.2, y - size)]
    cap = Part(ellipse(x + size * 0.15, y - size * 0.45, size * 0.75, size * 0.45, 0.2), Role.ACCENT)
    return [
        *([Part(tube(plume, [0.05, 0.03, 0.01], 4), Role.ACCENT)] if crest > 0.06 else []),
        coat(ellipse(x, y, size, size * 0.92)),
        *([cap] if dials.has("cap") else []),
        Part(tube(bill, [thick, thick * 0.8, 0.012], 5), Role.BONE),
        *eye(x - size * 0.3, y - size * 0.2, size * 0.2),
    ]


def _wing(dials: Dials, long: float, deep: float) -> list[Part]:
    reach, lift = dials.trait("wing", 0.7, 1.25), dials.pose("wing", 0.0, 0.25)
    line = [(-long * 0.5, -deep * 0.2), (long * 0.3, -lift), (long * reach, deep * 0.2 - lift)]
    parts = [Part(tube(line, [deep * 0.4, deep * 0.55, 0.03]), Role.COAT, True, 0.88)]
    for row in range(3):
        root = (long * (0.1 + 0.12 * row), deep * (0.28 - 0.12 * row) - lift * 0.7)
        tip = (long * reach * (0.85 + 0.06 * row), deep * (0.38 - 0.14 * row) - lift)
        parts.append(Part(tube([root, tip], [0.05, 0.02], 4), Role.ACCENT if row == 1 else Role.COAT, shade=0.8))
    return parts


def _bird_leg(dials: Dials, x: float, top: float, *, shade: float) -> list[Part]:
    length, stride = dials.trait("legs", 0.12, 0.8), dials.pose(f"leg{shade}", -0.1, 0.1)
    foot = (x + stride, top + length)
    return [
        Part(
            tube([(x, top - 0.05), (x + 0.05, top + length * 0.5), foot], [0.05, 0.025, 0.02], 4),
            Role.BONE,
            False,
            shade,
        ),
        Part(tube([(foot[0] + 0.05, foot[1]), (foot[0] - 0.12, foot[1])], [0.02, 0.015], 3), Role.BONE, False, shade),
    ]


def bird(dials: Dials) -> list[Part]:
    """Draw a standing bird from the side."""
    long, deep = dials.trait("length", 0.34, 0.55), dials.trait("depth", 0.2, 0.36)
    neck, bend = dials.trait("neck", 0.1, 0.75), dials.pose("neck", 0.0, 0.35)
    tail, tail_width = dials.trait("tail", 0.2, 0.8), dials.trait("tail-width", 0.04, 0.14)
    tilt = dials.pose("tilt", -0.25, 0.3)
    head = (-long * 0.9 - bend * neck * 0.6, -deep * 0.5 - neck * (1 - bend * 0.6))
    throat = [(-long * 0.6, -deep * 0.2), (-long * 0.8 + bend * 0.3, (head[1] - deep) / 2), head]
    breast = Role.ACCENT if dials.has("bright-breast") else Role.BELLY
    return [
        coat(tube([(long * 0.6, 0.0), (long + tail, tail * tilt)], [deep * 0.4, tail_width], 4), 0.8),
        *_bird_leg(dials, 0.08, deep * 0.7, shade=0.75),
        *_bird_leg(dials, -0.03, deep * 0.7, shade=1.0),
        coat(ellipse(0, 0, long, deep, tilt * 0.6)),
        Part(ellipse(-long * 0.45, deep * 0.2, long * 0.55, deep * 0.7, 0.5), breast, outlined=False),
        coat(tube(throat, [deep * 0.55, 0.09 + deep * 0.1, 0.07], 6)),
        *_wing(dials, long, deep),
        *_bird_head(dials, *head),
    ]
