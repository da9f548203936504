"""What a run says at its end: which classes were joined, and which floors a recipe beats."""

from __future__ import annotations

from rich.console import Console

from entitynet_assets.terminal import coverage, leaderboard, standings


def held(name: str, status: str, source_classes: int = 1, benchmark: str = "b") -> dict:
    return {"benchmark": benchmark, "class_name": name, "status": status, "source_classes": source_classes}


def test_coverage_counts_classes_of_the_source_and_items_and_names_what_is_lost() -> None:
    rows = [
        held("a", "joined", 3),
        held("c", "no_entity", 2),
        held("d", "no_pictures"),
        held("a", "joined", benchmark="a"),
    ]
    assert coverage(rows) == [
        "a: 1 of 1 mapped classes joined (1 of 1 items)",
        "b: 3 of 6 mapped classes joined (1 of 3 items); not: c (no_entity), d (no_pictures)",
    ]
    assert coverage([held(str(n), "no_entity") for n in range(12)])[0].endswith("9 (no_entity) ...")
    assert coverage([]) == []


RECIPE = {
    "place": 1,
    "recipe": "mine",
    "mix": "m",
    "samples_seen": 5,
    "acc1": 0.4,
    "acc1_low": 0.3,
    "acc1_high": 0.5,
    "times_chance": 40.0,
}
FLOORS = [
    {"benchmark": "b", "floor": name, "metric": "acc1", "value": value}
    for name, value in (("colour_hog", 0.45), ("chance", 0.01))
]


def test_floors_stand_below_the_recipes_and_a_line_says_which_are_beaten() -> None:
    console = Console(width=120, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as said:
        console.print(leaderboard([RECIPE], FLOORS))
    lines = [line for line in said.get().splitlines() if "│" in line]
    assert [next(word for word in ("mine", "colour_hog", "chance") if word in line) for line in lines] == [
        "mine",
        "colour_hog",
        "chance",
    ]
    assert "45.0" in lines[1]
    assert standings([RECIPE], FLOORS) == ["mine is above chance, no different from colour_hog"]
    assert standings([RECIPE], []) == []
