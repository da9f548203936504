"""Writes a sheet with every entity of the sample, several seeds each, for the eye.

What it is: `python -m entitynet_assets.sample.contact_sheet OUT.png [--seeds 6] [--side 112]`.
What belongs here: the sheet. What does not: the drawings (draw.py).
"""

import argparse

from PIL import Image, ImageDraw

from entitynet_assets.sample.draw import draw
from entitynet_assets.sample.facts import load_facts
from entitynet_assets.sample.look import read_look


def contact_sheet(seeds: int, side_px: int, columns: int = 2) -> Image.Image:
    """Draw every entity `seeds` times with its label; two entities a row."""
    facts = load_facts()
    rows = -(-len(facts.order) // columns)
    block = (seeds * side_px + 8, side_px + 16)
    sheet = Image.new("RGB", (columns * block[0], rows * block[1]), "white")
    pen = ImageDraw.Draw(sheet)
    for index, qid in enumerate(facts.order):
        left, top = index % columns * block[0], index // columns * block[1]
        pen.text((left + 2, top + 2), f"{facts.items[qid].label.text} {qid}", fill="black")
        for seed in range(seeds):
            picture = draw(read_look(facts.items, qid), seed * 977 + index, (side_px, side_px))
            sheet.paste(picture, (left + seed * side_px, top + 14))
    return sheet


def main() -> None:
    """Read the command line and write the sheet."""
    parser = argparse.ArgumentParser(description="write a contact sheet of the sample's drawings")
    parser.add_argument("out")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--side", type=int, default=112)
    arguments = parser.parse_args()
    contact_sheet(arguments.seeds, arguments.side).save(arguments.out)


if __name__ == "__main__":
    main()
