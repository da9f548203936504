"""The model card: what a stranger must know of an export before using it, as Markdown with the front matter that model hubs read.

Belongs here: words and figures of the card. Does not belong here: who writes it where (export.py), where the lineage's facts come
from (the platform fills `RunSpec.card`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_train.spec import RunSpec, fingerprint

CURVE_ROWS = 10
# Facts that the platform states of the data, in the order of the card; `name` and `title` stand above the table.
LINEAGE = {
    "study": "study", "release": "release", "pictures": "pictures", "rounds": "pictures by harvest round", "entities": "entities",
    "graph": "Wikidata", "licences": "pictures by licence", "screened": "screened for unwanted content",
    "taken_down": "pictures taken down", "parent": "release before it",
}  # fmt: skip


def model_card(spec: RunSpec, step: int, curve: Sequence[Mapping[str, Any]], weights_sha256: str) -> str:
    """Return the text of README.md for a run that was exported after `step` steps; `curve` are the lines of metrics.jsonl."""
    name = spec.card.get("name", spec.data.release_id)
    parts = [
        _front_matter(spec),
        f"# CLIP {spec.tower} on {name}\n\nA CLIP model: pictures and texts of up to {spec.context_length_tokens} tokens become vectors "
        "of unit norm, near each other where they belong together. " + _origin(spec),
        _section("How to load it", _LOAD),
        _section("Intended use and limits", _limits(spec)),
        _section("Data", _table(_lineage(spec))),
        _section("Recipe", _table(_recipe(spec, step, weights_sha256))),
        _section("Training curve", _curve(spec, curve)),
    ]
    return "\n".join(parts)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}\n"


def _front_matter(spec: RunSpec) -> str:
    """Return the YAML that hubs read. The licence is `unknown` because nobody has granted one; strings are JSON, which YAML reads."""
    tags = json.dumps(["clip", "wikidata", "entitynet"])
    return f"""---
library_name: open_clip
pipeline_tag: zero-shot-image-classification
license: unknown
tags: {tags}
model_name: {json.dumps(f"CLIP-{spec.tower}-{spec.card.get('name', spec.data.release_id)}", ensure_ascii=False)}
---
"""


def _origin(spec: RunSpec) -> str:
    init = getattr(spec, "init", "")
    if init:
        begun = (
            f"It was fine-tuned from {init.rstrip('/').rsplit('/', 1)[-1] if init.startswith(('/', '.')) else init}."
        )
    else:
        begun = "It was trained from random weights, on these pictures alone."
    title = spec.card.get("title")
    return begun + (f" The pictures are those of: {title}." if title else "") + "\n"


_LOAD = """```python
import open_clip
from PIL import Image

folder = "local-dir:PATH_TO_THIS_FOLDER"  # or hf-hub:ORGANISATION/NAME once it is on a hub
model, _, preprocess = open_clip.create_model_and_transforms(folder)
tokenizer = open_clip.get_tokenizer(folder)  # the context length is in the configuration
image = model.eval().encode_image(preprocess(Image.open("picture.jpg"))[None], normalize=True)
text = model.encode_text(tokenizer(["a name", "another"]), normalize=True)
print(model.logit_scale.exp() * image @ text.T)
```

`entities.parquet`, where it is there, has every entity of the data's vocabulary (qid, class_index, label, the text that stands for it, its
named ancestors) with the vector of that text, of unit norm; `entities.json` has the templates and the scale of the logits.
`entitynet classify FOLDER --checkpoint PATH_TO_THIS_FOLDER` names what pictures show with them."""


def _limits(spec: RunSpec) -> str:
    lines = [
        "For naming, sorting and searching pictures of the entities that it was trained on, and as a start for fine-tuning.",
        "Not for decisions about people, their identity or their health, nor where a wrong name does harm without anybody looking: "
        "a species that it names is a suggestion.",
        "It knows what its searches brought: entities with few pictures are known badly, those of elsewhere not at all, and pictures and "
        "texts of the web carry the web's slant.",
        f"Texts are cut after {spec.context_length_tokens} tokens. Scores compare classes with each other; they are no chances of being "
        "right until they are calibrated on held-out pictures.",
        "The licences of the pictures are those of the table below, as their sources state them; this card grants none for the weights.",
    ]
    if not spec.card.get("screened", "").startswith("yes"):
        lines.append("The pictures were not all screened for unwanted content (see below).")
    return "\n".join(f"- {line}" for line in lines)


def _lineage(spec: RunSpec) -> dict[str, str]:
    facts = {
        "release": spec.data.release_id,
        "pictures": f"{spec.data.samples:,} in {len(spec.data.shards)} shards",
        **spec.card,
    }
    known = {words: facts[key] for key, words in LINEAGE.items() if facts.get(key)}
    others = {key: facts[key] for key in sorted(facts) if key not in (*LINEAGE, "name", "title")}
    fingerprints = {
        "digest of the words": spec.data.words_fingerprint,
        "digest of what loaders skip": spec.data.skip_fingerprint,
    }
    return {**known, **others, **{key: value for key, value in fingerprints.items() if value}}


def _recipe(spec: RunSpec, step: int, weights_sha256: str) -> dict[str, str]:
    weights = ", ".join(f"{source} {weight:g}" for source, weight in sorted(spec.mix.weights.items()))
    stages = "; ".join(
        f"{kind}: " + ", ".join(f"{source} {weight:g}" for source, weight in sorted(table.items()))
        for kind, table in sorted(spec.mix.by_query.items())
    )
    return {
        "recipe": spec.recipe,
        "caption mix": f"{spec.mix.name} ({'; '.join(filter(None, (weights, stages)))})",
        "steps": f"{step:,} of {spec.steps:,}, batches of {spec.batch_size_global:,}, {step * spec.batch_size_global:,} samples seen",
        "loss": _loss(spec.loss),
        "optimiser": f"AdamW, peak learning rate {spec.lr_peak:g}, weight decay {spec.weight_decay:g}, betas {spec.beta1:g} and "
        f"{spec.beta2:g}, warm-up over {100 * spec.warmup_ratio:g} % of the steps, then cosine",
        "precision, seed, processes": f"{spec.precision}, {spec.seed}, {spec.world_size}",
        "crops": f"{spec.crop_scale_min:g} to 1 of the area",
        "identity of the run": fingerprint(spec),
        "sha256 of the weights": weights_sha256,
    }


def _loss(loss: Any) -> str:
    if isinstance(loss, str):
        return loss
    weights: Mapping[str, float] = getattr(loss, "weights", {})
    return ", ".join(f"{name} {weight:g}" for name, weight in weights.items())


def _table(facts: Mapping[str, str]) -> str:
    rows = [f"| {key} | {' '.join(value.split()).replace('|', '&#124;')} |" for key, value in facts.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _curve(spec: RunSpec, curve: Sequence[Mapping[str, Any]]) -> str:
    """Return some lines of the curve as a table, the first and the last among them."""
    if not curve:
        return "No step was taken: these are the first weights, a control."
    last = len(curve) - 1
    places = sorted({round(number * last / (CURVE_ROWS - 1)) for number in range(CURVE_ROWS)})
    rows = [
        f"| {line['step']:,} | {line['step'] * spec.batch_size_global:,} | {line['loss']:.4f} | {line['lr']:.2e} |"
        for line in (curve[place] for place in places)
    ]
    return "\n".join(["| step | samples seen | loss | learning rate |", "| ---: | ---: | ---: | ---: |", *rows])
