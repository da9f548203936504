"""What the model card of an export says of its data: facts of a release's manifest as texts.

Belongs here: which facts, in which words. Does not belong here: the card itself (entitynet_train), making a release (shards).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.studies.models import Study


def lineage(study: Study, manifest: Mapping[str, Any], entities: int) -> dict[str, str]:
    """Return the facts that RunSpec.card carries; what a manifest does not say is left out."""
    counts = {
        "rounds": {f"round {name}": pictures for name, pictures in manifest.get("rounds", {}).items()},
        "licences": manifest.get("licences", {}),
    }
    facts = {
        "name": f"{study.name}-{short(manifest.get('pictures', 0))}",
        "title": study.title,
        "study": study.name,
        "release": manifest.get("release_id", ""),
        "pictures": f"{manifest.get('pictures', 0):,}, without {manifest.get('skipped', 0):,} in the shards that loaders skip",
        "entities": f"{entities:,}",
        "graph": "; ".join(map(_graph, manifest.get("graph", ()))),
        "screened": _screened(manifest),
        "taken_down": f"{manifest.get('taken_down', 0):,}",
        "parent": manifest.get("parent") or "",
        **{name: _counted(values) for name, values in counts.items()},
    }
    return {name: text for name, text in facts.items() if text}


def short(count: int) -> str:
    """Return a count as names of data sets have it: 465, 12.3K, 32.7M."""
    for size, letter in ((1_000_000, "M"), (1_000, "K")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _graph(source: Mapping[str, Any]) -> str:
    until = source.get("complete_until") or source.get("newest_edit_at")
    words: Sequence[str] = [
        f"{source['items']:,} items of {source['address']}",
        f"complete until {until}" if source.get("complete_until") else f"newest edit met {until}" if until else "",
        f"newest revision {source['newest_revision']}" if source.get("newest_revision") else "",
        f"snapshot {source['snapshot_id'][:16]}" if source.get("snapshot_id") else "",
    ]
    return ", ".join(filter(None, words))


def _screened(manifest: Mapping[str, Any]) -> str:
    left = manifest.get("not_screened")
    return (
        "yes" if manifest.get("screened") else f"no: {left:,} pictures not judged" if left is not None else "not known"
    )
