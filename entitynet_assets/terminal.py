"""What a run looks like in a terminal: a bar for the work at hand, a line for each table, a summary.

Belongs here: Rich. Does not belong here: what is run (cli.py).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from entitynet_assets.plan import Plan
from entitynet_assets.scores.report import floor_values, standing
from entitynet_assets.studies.models import Recipe
from entitynet_assets.tables import TABLES

WORK = {  # words for the summary, in the order of the river
    "searches": "searches", "downloads": "downloads", "pictures": "pictures decoded", "shards_packed": "shards packed",
    "trainings": "trainings", "evaluations": "evaluations", "floors": "floors measured",
}  # fmt: skip
ASKED = {  # words for what only a study with a language model does
    "prompts": "requests to the language model", "not_asked": "prompts not sent, as language_model.max_calls was reached",
}  # fmt: skip
WORDS = {**WORK, **ASKED}


class TerminalProgress:
    """Tells a terminal how a run goes; in a log file each table still has its line."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.work: Counter[str] = Counter()
        self.made = self.unchanged = 0
        self._bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[what]}"),
            TimeElapsedColumn(), console=console, transient=True,
        )  # fmt: skip
        self._task: Any = None

    def __enter__(self) -> TerminalProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def start(self, table: str, slice_name: str) -> None:
        """Show the table that is looked at."""
        self._task = self._bar.add_task(f"{table} {_named(slice_name)}", total=None, what="")

    def advance(self, done: int, total: int, what: str) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total, what=what)

    def end(self, table: str, slice_name: str, outcome: str, counts: dict[str, int]) -> None:
        """Write the table's line."""
        self._bar.remove_task(self._task)
        self.work.update({name: number for name, number in counts.items() if name != "rows"})
        if outcome == "unchanged":
            self.unchanged += 1
            return
        self.made += 1
        done = ", ".join(
            f"{number} {WORDS.get(name, name)}" for name, number in counts.items() if name != "rows" and number
        )
        room = TABLES[table].room
        self.console.print(
            f"[dim]{room:>10}[/]  {table} {_named(slice_name)}  {counts['rows']:,} rows{'  ' + done if done else ''}",
            highlight=False,
        )

    def summary(self) -> str:
        """Say in one line what was done."""
        done = ", ".join(f"{self.work[name]:,} {words}" for name, words in WORDS.items() if self.work[name])
        if not self.made:
            return f"Up to date: all {self.unchanged} tables and slices unchanged; no search, no download, no packing, no training."
        idle = [words for name, words in WORK.items() if not self.work[name]]
        return (
            f"{self.made} tables and slices made, {self.unchanged} unchanged. {done or 'Nothing asked of the web or the cluster'}."
            + (f" None of: {', '.join(idle)}." if done and idle else "")
        )


def leaderboard(rows: Sequence[Mapping[str, Any]], floors: Sequence[Mapping[str, Any]] = ()) -> Table:
    """Return the leaderboard for a terminal, the floors below it as rows of their own."""
    shown = Table(title="Leaderboard: zero-shot on held-out pictures")
    for name in ("", "recipe", "mix", "seen", "accuracy (95 %)", "x chance"):
        shown.add_column(name, justify="left" if name in ("recipe", "mix") else "right", no_wrap=name != "mix")
    for row in rows:
        accuracy = f"{100 * row['acc1']:.1f} % ({100 * row['acc1_low']:.0f}-{100 * row['acc1_high']:.0f})"
        seen, chance = f"{row['samples_seen']:,}", f"{row['times_chance']:.1f}"
        shown.add_row(str(row["place"]), row["recipe"], row["mix"], seen, accuracy, chance)
    shown.add_section()
    values = floor_values(floors)
    for name, value in sorted(values.items(), key=lambda one: -one[1]):
        times = f"{value / values['chance']:.1f}" if values.get("chance") else ""
        shown.add_row("", name, "floor", "", f"{100 * value:.1f} %", times)
    return shown


def standings(rows: Sequence[Mapping[str, Any]], floors: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say in one line a recipe which floors it beats, given the 95 % interval of its accuracy."""
    values = floor_values(floors)
    return [
        f"{row['recipe']} is " + ", ".join(f"{standing(row, value)} {name}" for name, value in values.items())
        for row in rows if values
    ]  # fmt: skip


def coverage(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say in one line a benchmark how many of its classes are entities of the study with pictures, and which are not."""
    lines = []
    for benchmark in sorted({row["benchmark"] for row in rows}):
        mine = [row for row in rows if row["benchmark"] == benchmark]
        joined = [row for row in mine if row["status"] == "joined"]
        lost = [f"{row['class_name']} ({row['status']})" for row in mine if row["status"] != "joined"]
        classes, total = (sum(row["source_classes"] for row in part) for part in (joined, mine))
        lines.append(
            f"{benchmark}: {classes} of {total} mapped classes joined ({len(joined)} of {len(mine)} items)"
            + (f"; not: {', '.join(lost[:10])}{' ...' if len(lost) > 10 else ''}" if lost else "")
        )
    return lines


def plan_views(found: Plan) -> list[Table | str]:
    """Return a plan for a terminal: a row a provider, their licences where known, and what was assumed."""
    table = Table(title=f"What the harvest of {found.study} will take, at most")
    for name in (
        "provider",
        "queries",
        "requests",
        "done",
        "hours",
        "available",
        "pictures",
        "GB",
        "media hours",
        "paid calls",
        "price",
    ):
        table.add_column(name, justify="left" if name == "provider" else "right")
    for line in found.lines:
        paid = f"{line.paid_calls:,}" + (f" of {line.cap:,}" if line.cap else "") if line.price or line.cap else ""
        table.add_row(
            line.provider, f"{line.queries:,}", f"{line.requests:,}", f"{line.asked:,}", f"{line.hours:,.1f}",
            _count(line.pictures_available), f"{line.pictures:,}", f"{line.gigabytes:,.2f}",
            "" if line.media_hours is None else f"{line.media_hours:,.1f}",
            paid, f"{line.price:,.2f}" if line.price else "",
        )  # fmt: skip
    by_licence = [
        f"{name} by licence: " + ", ".join(f"{licence} {count:,}" for licence, count in counts.items())
        for name, counts in found.licences.items()
    ]
    sizes = ", ".join(f"{line.provider} {line.bytes_a_picture / 1000:,.0f} kB" for line in found.lines)
    return [table, *by_licence, f"Size of a picture reckoned with: {sizes}", *found.notes]


def _count(number: int | None) -> str:
    return "not known" if number is None else f"{number:,}"


def tree(branch: Any) -> Tree:
    """Return a trail (trace/tree.py) for a terminal; what the web says can set neither colours nor the cursor."""
    style = {"good": "green", "bad": "red", "note": "yellow"}.get(branch.grade, "")
    plain = "".join(character if character.isprintable() else " " for character in branch.words)
    label = Text.assemble((branch.kind.replace("_", " "), "dim"), "  ", (plain, style))
    shown = Tree(label, guide_style="dim")
    for below in branch.below:
        shown.children.append(tree(below))
    return shown


def _named(slice_name: str) -> str:
    return "" if slice_name == "whole" else f"[{slice_name}]".replace("[", "\\[", 1)


def recipe_table(recipes: Sequence[Recipe], title: str) -> Table:
    """Return recipes for a terminal, a line each."""
    shown = Table(title=title)
    for name in ("recipe", "tower", "begins with", "losses", "length", "batch", "rate", "mix"):
        shown.add_column(
            name,
            justify="right" if name in ("length", "batch", "rate") else "left",
            no_wrap=name == "recipe",
            overflow="fold",
        )
    for recipe in recipes:
        length = f"{recipe.epochs:g} epochs" if recipe.samples_seen is None else f"{recipe.samples_seen:,}"
        weighed = {name: recipe.loss.weights[name] for name in recipe.loss.names}
        losses = " + ".join(f"{weight:g} {name}" if len(weighed) > 1 else name for name, weight in weighed.items())
        shown.add_row(
            recipe.name, recipe.tower, recipe.init or "random", losses, length, f"{recipe.batch_size_global:,}",
            f"{recipe.lr_peak:g}", recipe.mix,
        )  # fmt: skip
    return shown


def recipe_text(recipe: Recipe) -> str:
    """Return a recipe in full, as a study would say it: TOML with every key, those at their default, too."""
    values = recipe.model_dump(mode="json", exclude_none=True)
    return "\n".join(["[[recipes]]", *(f"{key} = {_toml(value)}" for key, value in values.items())])


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }" if value else "{}"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
