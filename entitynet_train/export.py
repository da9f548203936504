"""The export: what a finished run hands on. A folder that open_clip loads by `local-dir:` or, once on a hub, by `hf-hub:`.

Belongs here: the folder's name and files, the vectors of all entities. Does not belong here: what the network is (model.py), the words of
the model card (card.py), loading an export (encoder.py).

Layout: OUT/CLIP-<tower>-<release>[-Finetuned]/{open_clip_model.safetensors, open_clip_config.json, README.md, entities.parquet,
entities.json}, and OUT/export, a link to that folder.

Shapes: K entities, P templates, D features.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import save_file
from torch import nn

from entitynet_train import model, report
from entitynet_train.card import model_card
from entitynet_train.distributed import World, gather_all
from entitynet_train.encoder import Encoder, slices
from entitynet_train.protocols.zero_shot import class_vectors, fill_templates
from entitynet_train.spec import RunSpec, SpecError

WEIGHTS = "open_clip_model.safetensors"  # the name that open_clip's loaders of local folders and of hubs look for first
CONFIG = "open_clip_config.json"
LINK = "export"  # beside the folder, a name that does not depend on the release
ENTITIES = "entities.parquet"
ENTITIES_FACTS = "entities.json"
ENTITY_COLUMNS = ("qid", "class_index", "label", "text", "ancestors")
TEXTS_A_BATCH = 256  # fixed, so that the vectors are the same over any number of processes


def export_name(spec: RunSpec) -> str:
    """Return the folder's name as the published models are called: CLIP-<tower>-<release>[-Finetuned]."""
    release = spec.card.get("name") or spec.data.release_id
    tuned = "-Finetuned" if getattr(spec, "init", "") else ""
    return re.sub(r"[^\w.-]+", "-", f"CLIP-{spec.tower}-{release}{tuned}")


def export_run(tower: nn.Module, out: Path, spec: RunSpec, step: int, world: World) -> tuple[Path, str]:
    """Write the export of a run after `step` steps; return its folder and the weights' sha256 (hex), on every rank.

    All ranks call it, with the same weights: they share the texts of the entities. Raises SpecError if `spec.entities` is unreadable.
    """
    folder = out / export_name(spec)
    sha256 = export_open_clip(tower, folder, spec) if world.is_first else ""
    if spec.entities:
        _export_entities(tower, folder, spec, world)
    if world.is_first:
        curve = [line for line in report.read_metrics(out) if line["step"] <= step]
        (folder / "README.md").write_text(model_card(spec, step, curve, sha256))
        _link(out / LINK, folder.name)
    return folder, gather_all(world, sha256)[0]


def export_open_clip(tower: nn.Module, directory: Path, spec: RunSpec) -> str:
    """Write weights and configuration as a folder that open_clip loads by `local-dir:DIRECTORY`; return the weights' sha256.

    Context length and preparation are inside, so that neither model, transform nor tokenizer needs an argument.
    """
    directory.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu().clone().contiguous() for name, value in tower.state_dict().items()}
    scratch = directory / f".{WEIGHTS}.new"
    save_file(weights, scratch, {"format": "pt"})  # more than one entry would stand in any order
    scratch.replace(directory / WEIGHTS)
    report.write_json(
        directory / CONFIG, {"model_cfg": model.model_config(spec), "preprocess_cfg": model.preprocess_config()}
    )
    return weights_sha256(directory)


def weights_sha256(directory: Path) -> str:
    """Return the sha256 (hex) of an export's weight file."""
    with (directory / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entity_templates(spec: RunSpec) -> tuple[str, ...]:
    """Return the prompts of an entity: its text alone, and in each template that the recipe's mix trains with."""
    return tuple(dict.fromkeys(("{}", *spec.mix.templates)))


def entity_vectors(encoder: Encoder, texts: Sequence[str], templates: Sequence[str], world: World) -> np.ndarray:
    """Return vector_KD (float32, unit norm) of texts: the mean over the templates, as zero-shot classification has it; on every rank.

    The same to the bit over any number of processes, because a batch is the same whoever encodes it.
    """
    batches = list(slices(texts, max(1, TEXTS_A_BATCH // len(templates))))
    own: dict[int, np.ndarray] = {}
    for number in range(world.rank, len(batches), world.size):
        prompts = [prompt for text in batches[number] for prompt in fill_templates(text, templates)]
        prompt_ND = encoder.texts(prompts, len(prompts))
        own[number] = class_vectors(prompt_ND.reshape(len(batches[number]), len(templates), -1)).astype(np.float32)
    found = {number: part for share in gather_all(world, own) for number, part in share.items()}
    return (
        np.concatenate([found[number] for number in range(len(batches))]) if batches else np.zeros((0, 0), np.float32)
    )


def _export_entities(tower: nn.Module, folder: Path, spec: RunSpec, world: World) -> None:
    """Write the entities with their vectors, in the order of their ids, and the facts without which the vectors say nothing."""
    table, templates = _entities(spec), entity_templates(spec)
    training = tower.training
    encoder = Encoder(tower.eval(), model.eval_transform(spec), model.build_tokenizer(spec), world.device)
    vector_KD = entity_vectors(encoder, table["text"].to_pylist(), templates, world)
    tower.train(training)
    if not world.is_first:
        return
    values = pa.array(vector_KD.reshape(-1), pa.float32())
    vectors = pa.FixedSizeListArray.from_arrays(values, max(1, vector_KD.shape[1]))
    scratch = folder / f".{ENTITIES}.new"
    pq.write_table(table.append_column("vector", vectors), scratch)
    scratch.replace(folder / ENTITIES)
    facts: dict[str, Any] = {
        "entities": table.num_rows, "dimensions": vector_KD.shape[1], "templates": list(templates),
        "logit_scale": float(tower.get_parameter("logit_scale").detach().exp()),
        "weights_sha256": weights_sha256(folder), "release_id": spec.data.release_id,
    }  # fmt: skip
    report.write_json(folder / ENTITIES_FACTS, facts)


def _entities(spec: RunSpec) -> pa.Table:
    file = Path(spec.data.root) / spec.entities
    try:
        table = pq.read_table(file, columns=list(ENTITY_COLUMNS)).select(ENTITY_COLUMNS)
    except (OSError, pa.ArrowException, KeyError) as error:
        allowed = ", ".join(ENTITY_COLUMNS)
        raise SpecError(f"entities: {file}: {error}; allowed: Parquet with the columns {allowed}") from error
    return table.sort_by("qid")


def _link(link: Path, target: str) -> None:
    if link.is_dir() and not link.is_symlink():  # a copy of a job's folder may have followed the link
        shutil.rmtree(link)
    scratch = link.with_name(f".{link.name}.new")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(target, target_is_directory=True)
    scratch.replace(link)
