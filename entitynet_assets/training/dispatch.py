"""A recipe and a release become a run specification.

Belongs here: building RunSpec from rows. Does not belong here: running it (cluster.py), training (entitynet_train).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entitynet_assets.studies.models import Recipe, Study
from entitynet_train.spec import CaptionMix, DataSpec, RunSpec, ShardSpec, vocabulary_fingerprint


class NothingToTrainError(ValueError):
    """A release or a mix that gives a recipe nothing to learn from: what was found, what to do."""


@dataclass(frozen=True)
class Words:
    """Exported Parquet of words, relative to the lake, with its content digest."""

    path: str
    digest: str


def with_vocabulary(data: DataSpec, path: str, classes: Sequence[Mapping[str, Any]]) -> DataSpec:
    """Return data with the vocabulary at `path`, whose rows have `class_index` and `qid`.

    Raises NothingToTrainError if there is no class.
    """
    if not classes:
        raise NothingToTrainError(
            "label_vocabulary has no class: no entity has pictures enough; lower linking.min_class_pictures or harvest more"
        )
    pairs = [(row["class_index"], row["qid"]) for row in classes]
    return dataclasses.replace(
        data, vocabulary=(path,), vocabulary_fingerprint=vocabulary_fingerprint(pairs), class_count=max(pairs)[0] + 1
    )


def data_spec(release: Sequence[Mapping[str, Any]], words: Mapping[str, Words], root: str) -> DataSpec:
    """Return the pictures and words of a release; `words` by field of DataSpec, in the order that they are hashed.

    Raises NothingToTrainError if the release is empty.
    """
    paths: dict[str, Any] = {name: (one.path,) for name, one in words.items()}
    if not release:
        raise NothingToTrainError("the release has no shard: no picture was kept; look at entity_report and verdicts")
    digests = [*(row["texts_digest"] for row in release), *(one.digest for one in words.values())]
    return DataSpec(
        release_id=release[0]["release_id"], words_fingerprint=hashlib.sha256("\n".join(digests).encode()).hexdigest(),
        skip_fingerprint=release[0]["skip_digest"],
        shards=tuple(ShardSpec(r["shard"], r["tar_sha256"], r["sample_count"], tar=r["tar_path"], texts=r["texts_path"]) for r in release),
        root=root, skip=(release[0]["skip_path"],), **paths,
    )  # fmt: skip


def caption_mix(recipe: Recipe, study: Study) -> CaptionMix:
    """Return the mix of a recipe."""
    return next(mix for mix in study.mixes if mix.name == recipe.mix).caption_mix()


def run_spec(recipe: Recipe, study: Study, data: DataSpec, images_per_epoch: float = 0.0, **more: Any) -> RunSpec:
    """Return the complete specification of a recipe on that data; `more` are fields that only the lake knows.

    The length of a recipe in epochs is that many times `images_per_epoch`, as `mix_balance` has it.
    """
    facts = recipe.model_dump(exclude={"name", "mix", "loss", "epochs", "teacher"})
    if recipe.epochs is not None:
        facts["samples_seen"] = round(recipe.epochs * images_per_epoch)
    return RunSpec(
        **{**facts, "recipe": recipe.name, "mix": caption_mix(recipe, study), "data": data, "loss": recipe.loss, **more}
    )


def checkpoint_row(spec: RunSpec, fingerprint: str, result: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the row of checkpoints for a finished run."""
    return {
        "recipe": spec.recipe, "step": result["step"], "mix": spec.mix.name, "tower": spec.tower, "seed": spec.seed,
        "release_id": spec.data.release_id, "spec_fingerprint": fingerprint, "path": path, "export_sha256": result["export_sha256"],
        "samples_seen": result["samples_seen"], "loss_first": result["loss_first"], "loss_last": result["loss_last"],
        "parameters": result["parameters"], "world_size": result["world_size"], "images_per_s": result["images_per_s"],
    }  # fmt: skip
