"""Body plans of vehicles: two-wheeler, motor vehicle, aircraft.

What it is: one function a plan, `plan(brush, look, ink, rng)`; siblings share it and differ by their statements.
What belongs here: shapes that follow from parts, sizes and colours.
What does not: other things people make (plans_things.py).
"""

import math
import random

from entitynet_assets.sample.brush import Brush, Ink
from entitynet_assets.sample.look import Look
from entitynet_assets.sample.palette import GLASS, NAMED, RUBBER, STEEL, shade

LADDER_M = 6.0  # a shorter vehicle has no room for a ladder


def two_wheeler(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw two wheels with a frame from the side; an engine makes it heavy."""
    motor = look.has("engine")
    radius, tyre = (0.34, 0.13) if motor else (0.38, 0.045)
    turn = rng.uniform(0, 0.5)
    for x in (-0.56, 0.56):
        brush.ring((x, 0.42), radius, tyre, RUBBER)
        for i in range(6 if motor else 10):
            angle = turn + 2 * math.pi * i / (6 if motor else 10)
            rim = (x + radius * 0.85 * math.cos(angle), 0.42 + radius * 0.85 * math.sin(angle))
            brush.line([(x, 0.42), rim], 0.03 if motor else 0.012, STEEL)
    (motor_frame if motor else pedal_frame)(brush, ink)


def pedal_frame(brush: Brush, ink: Ink) -> None:
    """Draw a diamond frame, saddle, handlebar and pedals."""
    back, crank, seat, head, front = (-0.56, 0.42), (-0.05, 0.46), (-0.24, -0.2), (0.38, -0.22), (0.56, 0.42)
    for start, stop in ((back, crank), (back, seat), (crank, seat), (seat, head), (crank, head), (head, front)):
        brush.line([start, stop], 0.055, ink.main)
    brush.line([seat, (-0.28, -0.38)], 0.05, STEEL)
    brush.ellipse((-0.28, -0.42), (0.2, 0.06), RUBBER)
    brush.line([head, (0.34, -0.45), (0.5, -0.52), (0.58, -0.42)], 0.05, RUBBER)
    brush.ring(crank, 0.12, 0.035, STEEL)
    brush.line([(-0.14, 0.62), (0.04, 0.3)], 0.04, RUBBER)


def motor_frame(brush: Brush, ink: Ink) -> None:
    """Draw tank, engine block, long seat, fork and exhaust."""
    brush.line([(0.56, 0.42), (0.34, -0.3), (0.2, -0.46)], 0.07, STEEL)
    brush.box((-0.22, 0.08), (0.24, 0.48), (90, 92, 96), 0.05)
    for y in (0.15, 0.24, 0.33):
        brush.line([(-0.2, y), (0.22, y)], 0.025, STEEL)
    brush.line([(0.1, 0.48), (-0.7, 0.52)], 0.09, STEEL)
    brush.ellipse((0.12, -0.12), (0.32, 0.17), ink.main)
    brush.polygon([(-0.12, -0.12), (-0.75, -0.22), (-0.82, -0.06), (-0.2, 0.1)], RUBBER)
    brush.polygon([(-0.5, 0.0), (-0.92, 0.0), (-0.8, 0.14), (-0.3, 0.14)], ink.main)
    brush.ellipse((0.42, -0.3), (0.11, 0.11), NAMED["white"])


def motor_vehicle(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a long vehicle from the side: bonnet, row of windows, door, wheels; a lamp makes it one for emergencies."""
    if look.has("lamp"):
        return emergency_vehicle(brush, look, ink, rng)
    high = min(0.6, 2.0 / max(2.0, look.elongation)) * 1.25
    top, low = -high * 0.6, high * 0.55
    brush.box((-0.95, top), (0.7, low), ink.main, 0.08)
    brush.box((0.6, top + high * 0.45), (0.96, low), ink.main, 0.06)
    count = rng.choice((5, 6))
    for i in range(count if look.has("window") else 0):
        left = -0.88 + i * 1.22 / count
        brush.box((left, top + 0.09), (left + 1.0 / count, top + high * 0.48), GLASS, 0.02)
    if look.has("door"):
        brush.box((0.42, top + 0.1), (0.62, low - 0.04), shade(GLASS, 0.8))
    for y in (0.1, 0.22):
        brush.box((-0.95, y), (0.96, y + 0.035), RUBBER)
    for x in (-0.55, 0.66):
        brush.ellipse((x, low + 0.02), (0.17, 0.17), RUBBER)
        brush.ellipse((x, low + 0.02), (0.08, 0.08), STEEL)
    brush.ellipse((0.93, low - 0.16), (0.04, 0.06), NAMED["yellow"])


def emergency_vehicle(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a cab and a box with lockers, a flashing lamp and, on a long one, a ladder."""
    high = min(0.6, 2.0 / max(2.0, look.elongation)) * 1.3
    top, low = -high * 0.5, high * 0.6
    brush.box((-0.95, top), (0.42, low), ink.main, 0.03)
    brush.box((0.36, top + 0.08), (0.96, low), shade(ink.main, 1.06), 0.1)
    brush.box((0.52, top + 0.16), (0.9, top + high * 0.5), GLASS, 0.05)
    for i in range(4):
        brush.box((-0.9 + 0.32 * i, top + 0.14), (-0.64 + 0.32 * i, low - 0.2), shade(STEEL, 0.9), 0.02)
    brush.box((-0.95, low - 0.16), (0.96, low - 0.08), ink.second)
    brush.box((0.6, top), (0.78, top + 0.09), NAMED["blue"], 0.03)
    if (look.length_m or 0) > LADDER_M:
        ladder(brush, top - 0.12, rng.uniform(0.0, 0.16))
    for x in (-0.6, 0.62):
        brush.ellipse((x, low + 0.02), (0.18, 0.18), RUBBER)
        brush.ellipse((x, low + 0.02), (0.08, 0.08), STEEL)


def ladder(brush: Brush, y: float, rise: float) -> None:
    """Draw a ladder on the roof, raised at its front end."""
    for off in (-0.07, 0.07):
        brush.line([(-0.9, y + off), (0.5, y + off - rise)], 0.03, STEEL)
    for i in range(9):
        x = -0.85 + 0.16 * i
        brush.line([(x, y + 0.07 - rise * (x + 0.9) / 1.4), (x, y - 0.07 - rise * (x + 0.9) / 1.4)], 0.025, STEEL)


def aircraft(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a fixed-wing aircraft from the side and a little above; a rotor makes it a rotorcraft."""
    if look.has("rotor"):
        return rotorcraft(brush, look, ink, rng)
    slope = rng.uniform(0.0, 0.12)
    brush.polygon([(0.0, -0.08), (0.32, -0.06), (0.62, -0.5 - slope), (0.46, -0.5 - slope)], shade(ink.main, 0.75))
    if look.has("empennage"):
        brush.polygon([(0.6, -0.08), (0.94, -0.06), (0.98, -0.5), (0.84, -0.5)], ink.second)
        brush.polygon([(0.66, 0.0), (0.9, 0.0), (1.0, 0.18), (0.88, 0.18)], shade(ink.second, 0.8))
    brush.ellipse((0, 0), (0.95, 0.15), ink.main)
    brush.polygon([(-0.15, 0.04), (0.26, 0.06), (0.55, 0.66 + slope), (0.36, 0.66 + slope)], shade(ink.main, 0.85))
    for x, y in ((0.1, 0.3), (0.22, -0.3)) if look.has("engine") else ():
        brush.ellipse((x, y), (0.14, 0.065), STEEL)
    for i in range(9 if look.has("window") else 0):
        brush.ellipse((-0.62 + i * 0.15, -0.03), (0.022, 0.03), RUBBER)
    brush.polygon([(-0.88, -0.05), (-0.76, -0.1), (-0.74, -0.03), (-0.86, 0.0)], shade(GLASS, 0.6))
    for x in (-0.6, 0.1) if look.has("undercarriage") else ():
        brush.line([(x, 0.12), (x, 0.27)], 0.03, STEEL)
        brush.ellipse((x, 0.28), (0.05, 0.05), RUBBER)


def rotorcraft(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a cabin with a tail boom, skids and two rotors."""
    turn = rng.uniform(-0.12, 0.12)
    brush.polygon([(0.1, -0.08), (0.9, -0.18), (0.92, -0.08), (0.2, 0.22)], ink.main)
    brush.polygon([(0.8, -0.14), (0.98, -0.44), (0.99, -0.1)], ink.second)
    brush.ellipse((-0.25, 0.08), (0.52, 0.34), ink.main)
    brush.polygon([(-0.74, 0.06), (-0.58, -0.16), (-0.3, -0.22), (-0.3, 0.08)], GLASS)
    if look.has("window"):
        brush.box((-0.2, -0.14), (0.02, 0.08), GLASS, 0.05)
    brush.box((-0.5, 0.16), (0.2, 0.23), ink.second)
    brush.line([(-0.2, -0.2), (-0.2, -0.42)], 0.06, RUBBER)
    brush.line([(-0.98, -0.44 + turn), (0.6, -0.42 - turn)], 0.05, RUBBER)
    brush.ring((0.92, -0.22), 0.14, 0.03, RUBBER)
    for x in (-0.48, 0.0):
        brush.line([(x, 0.36), (x - 0.04, 0.56)], 0.04, STEEL)
    brush.line([(-0.8, 0.52), (-0.7, 0.58), (0.28, 0.58)], 0.05, STEEL)
