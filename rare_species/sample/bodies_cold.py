"""Body plans of fish, amphibians and reptiles: turn dials into parts. All face left; y points down."""

import math

from rare_species.sample.flat_parts import Part, Points, Role, curve, ellipse, eye, tube
from rare_species.sample.keyed_random import Dials


def _fins(dials: Dials, long: float, deep: float) -> list[Part]:
    height, spread = dials.trait("dorsal", 0.1, 0.45), dials.trait("dorsal-length", 0.25, 0.8)
    start = -long * 0.35
    sweep = dials.pose("fin", 0.0, 0.15)
    dorsal = curve(
        [
            (start, -deep * 0.7),
            (start + spread * 0.25, -deep * 0.8 - height),
            (start + spread, -deep * 0.75 - height * dials.trait("dorsal-back", 0.1, 0.8)),
            (start + spread + 0.08, -deep * 0.5),
        ]
    )
    anal = curve([(long * 0.15, deep * 0.7), (long * 0.4, deep * 0.8 + height * 0.6), (long * 0.6, deep * 0.45)])
    pectoral = tube(
        [(-long * 0.35, deep * 0.15), (-long * 0.1, deep * (0.3 + sweep)), (long * 0.08, deep * (0.5 + sweep * 3))],
        [0.05, 0.1, 0.02],
    )
    return [Part(dorsal, Role.ACCENT, True), Part(anal, Role.ACCENT), Part(pectoral, Role.ACCENT, shade=0.9)]


def fish(dials: Dials) -> list[Part]:
    """Draw a swimming fish from the side; a low tail lobe and a steep dorsal fin make it a shark."""
    long, deep = dials.trait("length", 0.55, 0.85), dials.trait("depth", 0.14, 0.46)
    beat = dials.pose("beat", -0.14, 0.14)
    fork, tail = dials.trait("fork", 0.0, 0.22), dials.trait("tail", 0.2, 0.42)
    low = dials.trait("low-lobe", 0.5, 1.0)
    end = long + tail
    fin = curve(
        [
            (long * 0.8, beat * 0.5),
            (end, -tail + beat),
            (end - fork, beat),
            (end - 0.05, tail * low + beat),
            (long * 0.8, beat * 0.5 + 0.03),
        ],
        5,
    )
    spine = [
        (-long, 0.03),
        (-long * 0.6, 0.0),
        (-long * 0.1, 0.0),
        (long * 0.45, beat * 0.2),
        (long * 0.92, beat * 0.5),
    ]
    body = tube(spine, [deep * 0.22, deep * 0.75, deep, deep * 0.6, deep * 0.16 + 0.03])
    dorsal, anal, pectoral = _fins(dials, long, deep)
    belly = tube(
        [(-long * 0.75, deep * 0.32), (-long * 0.1, deep * 0.66), (long * 0.5, deep * 0.3)],
        [deep * 0.1, deep * 0.28, 0.03],
    )
    return [
        Part(fin, Role.ACCENT, True),
        dorsal,
        anal,
        Part(body, Role.COAT, True),
        Part(belly, Role.BELLY, outlined=False),
        Part(
            tube([(-long * 0.48, -deep * 0.5), (-long * 0.42, 0.0), (-long * 0.5, deep * 0.45)], [0.012, 0.016, 0.012]),
            Role.DETAIL,
        ),
        pectoral,
        Part(tube([(-long * 1.02, deep * 0.16), (-long * 0.84, deep * 0.24)], [0.012, 0.01], 4), Role.DETAIL),
        *eye(-long * 0.72, -deep * 0.16, dials.trait("eye", 0.035, 0.075)),
    ]


def snake(dials: Dials) -> list[Part]:
    """Draw a snake winding over the ground, seen from above."""
    waves, swing = dials.pose("waves", 1.0, 2.6), dials.pose("swing", 0.18, 0.5)
    phase, thick = dials.pose("phase", 0.0, 6.28), dials.trait("thick", 0.05, 0.13)
    line = []
    for step in range(15):
        at = step / 14
        line.append((-0.9 + 1.8 * at, swing * math.sin(phase + waves * 6.28 * at) * (0.5 + 0.5 * at)))
    widths = [thick * 0.75, thick * 0.8, *[thick] * 8, thick * 0.85, thick * 0.65, thick * 0.45, thick * 0.25, 0.01]
    head, broad = dials.trait("head", 1.0, 1.8) * thick, dials.trait("head-width", 0.7, 1.3)
    (x, y), (next_x, next_y) = line[0], line[1]
    angle = math.atan2(y - next_y, x - next_x)
    nose = (x + head * 1.6 * math.cos(angle), y + head * 1.6 * math.sin(angle))
    tongue = (nose[0] + 0.12 * math.cos(angle + 0.2), nose[1] + 0.12 * math.sin(angle + 0.2))
    side_x, side_y = -math.sin(angle) * head * 0.5, math.cos(angle) * head * 0.5
    return [
        Part(tube([nose, tongue], [0.012, 0.008], 3), Role.ACCENT),
        Part(tube(line, widths, 5), Role.COAT, True),
        Part(
            ellipse(
                x + head * 0.7 * math.cos(angle),
                y + head * 0.7 * math.sin(angle),
                head * 1.1,
                head * broad * 0.75,
                angle,
            ),
            Role.COAT,
            True,
        ),
        *eye(x + head * math.cos(angle) + side_x, y + head * math.sin(angle) + side_y, 0.03),
        *eye(x + head * math.cos(angle) - side_x, y + head * math.sin(angle) - side_y, 0.03),
    ]


def _sprawled_leg(dials: Dials, name: str, x: float, side: float) -> list[Part]:
    length, width = dials.trait("limbs", 0.22, 0.42), dials.trait("limb-width", 0.035, 0.07)
    swing = dials.pose(f"sprawl-{name}", -0.16, 0.16)
    knee, foot = (x + swing, side * length * 0.65), (x + swing * 0.4 - 0.1, side * length)
    parts = [Part(tube([(x, 0), knee, foot], [width, width * 0.8, width * 0.6], 5), Role.COAT, True)]
    toes = dials.trait("toes", 0.02, 0.14)
    for spread in (-0.5, 0.1, 0.7):
        tip = (foot[0] - toes * math.cos(spread), foot[1] + side * toes * math.sin(spread + 0.5))
        parts.append(Part(tube([foot, tip], [width * 0.45, 0.012], 3), Role.COAT))
    return parts


def lizard(dials: Dials) -> list[Part]:
    """Draw a lizard or salamander from above."""
    thick, tail = dials.trait("thick", 0.08, 0.17), dials.trait("tail", 0.5, 1.1)
    bend, curl = dials.pose("bend", -0.16, 0.16), dials.pose("curl", -0.55, 0.55)
    head, broad = dials.trait("head", 0.11, 0.2), dials.trait("head-width", 0.6, 1.1)
    line = [
        (-0.62, 0.0),
        (-0.4, bend * 0.5),
        (-0.1, bend),
        (0.18, bend * 0.3),
        (0.2 + tail * 0.5, curl * 0.35),
        (0.2 + tail, curl),
    ]
    legs = [
        part
        for name, x, side in (("a", -0.38, 1), ("b", -0.38, -1), ("c", 0.1, 1), ("d", 0.1, -1))
        for part in _sprawled_leg(dials, name, x, side)
    ]
    widths = [thick * 0.6, thick * 0.95, thick, thick * 0.8, thick * dials.trait("tail-width", 0.25, 0.6), 0.012]
    stripe = Part(tube(line[1:5], [0.015, 0.03, 0.025, 0.01]), Role.ACCENT)
    return [
        *legs,
        Part(tube(line, widths), Role.COAT, True),
        *([stripe] if dials.has("stripe") else []),
        Part(ellipse(-0.62 - head * 0.5, 0.0, head, head * broad * 0.7), Role.COAT, True),
        *eye(-0.66 - head * 0.5, head * broad * 0.5, head * 0.22),
        *eye(-0.66 - head * 0.5, -head * broad * 0.5, head * 0.22),
    ]


def _hind_leg(dials: Dials, side: float, deep: float, thick: float) -> list[Part]:
    reach = dials.trait("leap", 0.3, 0.6)
    fold = dials.pose(f"fold{side}", 0.0, 0.25)
    knee = (0.0 - fold, side * (deep + reach * 0.5))
    heel, toes = (0.5, side * (deep * 0.75 + fold * 0.3)), (0.28 + fold, side * (deep + reach * 0.75))
    return [
        Part(tube([(0.42, side * deep * 0.4), knee], [thick * 1.3, thick * 0.9], 5), Role.COAT, True),
        Part(tube([knee, heel], [thick * 0.85, thick * 0.6], 5), Role.COAT, True),
        Part(tube([heel, toes], [thick * 0.55, thick * 0.7], 5), Role.BELLY),
    ]


def frog(dials: Dials) -> list[Part]:
    """Draw a crouching frog or toad from above."""
    long, deep = dials.trait("length", 0.45, 0.62), dials.trait("depth", 0.28, 0.48)
    thick, bulge = dials.trait("thigh", 0.08, 0.15), dials.trait("eye", 0.07, 0.14)
    nose = dials.trait("nose", 0.08, 0.28)
    arm = dials.pose("arm", 0.0, 0.18)
    arms = [
        Part(
            tube(
                [(-0.25, s * deep * 0.7), (-0.2 - arm, s * (deep + 0.14)), (-0.45, s * (deep + 0.16 + arm * 0.4))],
                [0.08, 0.06, 0.07],
                5,
            ),
            Role.COAT,
            True,
        )
        for s in (-1, 1)
    ]
    outline: Points = tube(
        [(-long - nose, 0), (-long * 0.5, 0), (0.1, 0), (long, 0)], [deep * 0.3, deep * 0.85, deep, deep * 0.45]
    )
    ridges = [
        Part(tube([(-long * 0.6, s * deep * 0.5), (long * 0.7, s * deep * 0.42)], [0.025, 0.018]), Role.ACCENT)
        for s in (-1, 1)
    ]
    return [
        *_hind_leg(dials, -1, deep, thick),
        *_hind_leg(dials, 1, deep, thick),
        *arms,
        Part(outline, Role.COAT, True),
        *(ridges if dials.has("ridges") else []),
        *eye(-long * 0.72, deep * 0.55, bulge),
        *eye(-long * 0.72, -deep * 0.55, bulge),
    ]


def turtle(dials: Dials) -> list[Part]:
    """Draw a turtle or tortoise from above, with its scutes."""
    long, deep = dials.trait("length", 0.5, 0.66), dials.trait("depth", 0.36, 0.54)
    reach, flat = dials.trait("limbs", 0.16, 0.5), dials.trait("flipper", 0.06, 0.13)
    neck, head = dials.trait("neck", 0.08, 0.3), dials.trait("head", 0.09, 0.16)
    legs = []
    for name, x, side in (("a", -0.35, 1), ("b", -0.35, -1), ("c", 0.38, 1), ("d", 0.38, -1)):
        swing = dials.pose(f"paddle-{name}", -0.14, 0.14)
        foot = (x * (1 + reach * 0.6) + swing, side * (deep * 0.75 + reach))
        legs.append(Part(tube([(x, side * deep * 0.6), foot], [flat * 1.2, flat * 0.8], 4), Role.BELLY, True))
    turn = dials.pose("look", -0.12, 0.12)
    snout = (-long - neck - head, turn)
    scutes = []
    for x in (-0.55, -0.18, 0.2, 0.56):
        scutes.append(Part(ellipse(x * long, 0, long * 0.2, deep * 0.27), Role.COAT, True, 1.08))
        scutes += [
            Part(ellipse(x * long * 0.9, s * deep * 0.57, long * 0.19, deep * 0.24), Role.COAT, True, 1.04)
            for s in (-1, 1)
        ]
    return [
        *legs,
        Part(tube([(long * 0.8, 0), (long * 1.25, turn)], [0.07, 0.015], 4), Role.BELLY),
        Part(tube([(-long * 0.8, 0), snout], [0.1, head * 0.9], 5), Role.BELLY, True),
        *eye(snout[0], snout[1] + head * 0.6, 0.035),
        *eye(snout[0], snout[1] - head * 0.6, 0.035),
        Part(ellipse(0, 0, long * 1.06, deep * 1.06), Role.ACCENT),
        Part(ellipse(0, 0, long, deep), Role.COAT, False, 0.85),
        *scutes,
    ]
