"""How an item looks, read off its statements.

What it is: Look, the drawable summary of an item, and the tables that give Wikidata's values a meaning for the eye.
What belongs here: body plan by nearest drawable ancestor, colours (P462), materials (P186), parts (P527), sizes.
What does not: pixels (draw.py and the body plans).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from entitynet_assets.sample.facts import Item, ancestors

COLOURS = {
    "Q3142": "red",
    "Q3133": "green",
    "Q1088": "blue",
    "Q943": "yellow",
    "Q23444": "white",
    "Q23445": "black",
    "Q47071": "brown",
    "Q39338": "orange",
    "Q42519": "grey",
    "Q429220": "pink",
}
MATERIALS = {
    "Q287": "wood",
    "Q11426": "metal",
    "Q11427": "metal",
    "Q39782": "metal",
    "Q286": "leather",
    "Q28823": "textile",
    "Q11469": "glass",
    "Q22657": "concrete",
}
PARTS = {
    "Q31528": "beak",
    "Q81025": "feather",
    "Q161358": "wing",
    "Q326426": "string",
    "Q944038": "neck",
    "Q9633": "neck",
    "Q55185381": "body",
    "Q446": "wheel",
    "Q161798": "wheel",
    "Q167130": "frame",
    "Q1148375": "handlebar",
    "Q1076532": "saddle",
    "Q33971": "leaf",
    "Q25999": "sail",
    "Q200266": "handle",
    "Q330946": "blade",
    "Q35473": "window",
    "Q36794": "door",
    "Q83180": "roof",
    "Q42948": "wall",
    "Q2207370": "seat",
    "Q44167": "engine",
    "Q743004": "engine",
    "Q1506785": "empennage",
    "Q263421": "undercarriage",
    "Q1758937": "bell",
    "Q42935438": "key",
    "Q128007": "hoof",
    "Q54804276": "foot",
    "Q15807": "foot",
    "Q303790": "peg",
    "Q572648": "pickup",
    "Q830869": "bridge",
    "Q204948": "bow",
    "Q40763": "seed",
    "Q506": "flower",
    "Q831691": "storey",
    "Q571": "book",
    "Q553": "tooth",
    "Q174647": "heel",
    "Q1076223": "fur",
    "Q378184": "prickle",
    "Q15141537": "rotor",
    "Q99895": "pillow",
    "Q83360": "thumb",
    "Q1138737": "lamp",
    "Q768575": "lens",
}
BODY_PLANS = {
    "Q3314483": "fruit",
    "Q7377": "quadruped",
    "Q110551885": "quadruped",
    "Q5113": "bird",
    "Q152": "fish",
    "Q886167": "flower",
    "Q1798603": "string_instrument",
    "Q173453": "wind_instrument",
    "Q233040": "two_wheeler",
    "Q752870": "motor_vehicle",
    "Q11436": "aircraft",
    "Q14745": "furniture",
    "Q11460": "clothing",
    "Q2578402": "hand_tool",
    "Q41176": "building",
}


@dataclass(frozen=True)
class Look:
    """What can be drawn of an item: names of colours, materials and parts; sizes in metres, None where unknown."""

    qid: str
    body_plan: str
    colours: tuple[str, ...]
    materials: tuple[str, ...]
    parts: frozenset[str]
    length_m: float | None = None
    height_m: float | None = None
    width_m: float | None = None

    @property
    def elongation(self) -> float:
        """Long side over short side as stated, 1 where a size is missing."""
        sizes = [s for s in (self.length_m, self.height_m, self.width_m) if s]
        return max(sizes) / min(sizes) if len(sizes) > 1 else 1.0

    def has(self, part: str) -> bool:
        """Say whether a part is stated."""
        return part in self.parts


def read_look(items: Mapping[str, Item], qid: str) -> Look:
    """Compute the look of an item.

    Raises:
        ValueError: no ancestor has a body plan.
    """
    item = items[qid]
    plan = next((BODY_PLANS[q] for q in ancestors(items, qid) if q in BODY_PLANS), None)
    if plan is None:
        raise ValueError(f"{qid} has no drawable ancestor; expected one of {sorted(BODY_PLANS)} above it")
    return Look(
        qid=qid,
        body_plan=plan,
        colours=tuple(COLOURS[v] for v in item.values("P462") if v in COLOURS),
        materials=tuple(dict.fromkeys(MATERIALS[v] for v in item.values("P186") if v in MATERIALS)),
        parts=frozenset(PARTS[v] for v in item.values("P527") if v in PARTS),
        length_m=item.amount("P2043"),
        height_m=item.amount("P2048"),
        width_m=item.amount("P2049"),
    )
