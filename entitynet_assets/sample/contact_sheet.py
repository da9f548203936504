"""A sheet of the sample's drawings for the eye: siblings side by side, several pictures each.

What it is: `contact_sheet(world)`; `entitynet world --sheet OUT.jpg` writes it.
What belongs here: the sheet. What does not: the drawings (draw.py).
"""

from itertools import groupby

from PIL import Image, ImageDraw

from entitynet_assets.sample.draw import PLANS, draw
from entitynet_assets.sample.look import Look, read_look
from entitynet_assets.sample.plan import number
from entitynet_assets.sample.world import World

SHEET_ENTITIES = 240  # of a larger world the first so many are shown
TITLE_PX = 22
HEAD_PX = 14
COLUMNS = 3


def contact_sheet(world: World, seeds: int = 5, side_px: int = 72) -> Image.Image:
    """Draw every entity `seeds` times with its label, grouped by body plan; `COLUMNS` entities a row."""
    groups = grouped_looks(world)
    wide, high = seeds * side_px + 8, side_px + HEAD_PX
    rows = sum(-(-len(looks) // COLUMNS) for _, looks in groups)
    sheet = Image.new("RGB", (COLUMNS * wide, rows * high + len(groups) * TITLE_PX), "white")
    pen, top = ImageDraw.Draw(sheet), 0
    for plan, looks in groups:
        pen.text((2, top + 2), plan.replace("_", " ").upper(), fill="black", font_size=14)
        top += TITLE_PX
        for index, look in enumerate(looks):
            at = (index % COLUMNS * wide, top + index // COLUMNS * high)
            pen.text((at[0] + 2, at[1]), f"{world.items[look.qid].label.text} {look.qid}", fill="black")
            strip(sheet, look, (at[0], at[1] + HEAD_PX), seeds, side_px)
        top += -(-len(looks) // COLUMNS) * high
    return sheet


def grouped_looks(world: World) -> list[tuple[str, list[Look]]]:
    """Return the looks of a world's entities by body plan, in the order in which the plans are told."""
    looks = [read_look(world.items, qid) for qid in world.entities[:SHEET_ENTITIES]]
    order = list(PLANS)
    looks.sort(key=lambda look: order.index(look.body_plan))
    return [(plan, list(group)) for plan, group in groupby(looks, lambda look: look.body_plan)]


def strip(sheet: Image.Image, look: Look, at: tuple[int, int], seeds: int, side_px: int) -> None:
    """Paste `seeds` drawings of one look side by side."""
    for n in range(seeds):
        picture = draw(look, number("sheet", look.qid, n), (side_px, side_px))
        sheet.paste(picture, (at[0] + n * side_px, at[1]))
