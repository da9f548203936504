"""The contract between platform and workshop: what a job is asked to do, and what it answers.

Belongs here: frozen dataclasses of plain values, their validation, their JSON form, their fingerprint.
Does not belong here: anything that needs more than the standard library, anything that runs.

Identity is what changes a result; execution is where and how fast. A field marked `execution` (a path, a worker
count) travels in spec.json and is left out of the fingerprint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from entitynet_train.captions import LINK_KINDS as LINK_KINDS
from entitynet_train.captions import LIVING as LIVING
from entitynet_train.captions import POOLS as POOLS
from entitynet_train.captions import TEXT_SOURCES as TEXT_SOURCES
from entitynet_train.captions import Candidate as Candidate
from entitynet_train.captions import CaptionMix, SpecError, need
from entitynet_train.captions import all_kinds as all_kinds
from entitynet_train.captions import picture_chances as picture_chances
from entitynet_train.loss_spec import LossSpec as LossSpec
from entitynet_train.loss_spec import vocabulary_fingerprint as vocabulary_fingerprint
from entitynet_train.tower_names import TOWERS as TOWERS
from entitynet_train.tower_names import allowed_towers as allowed_towers
from entitynet_train.tower_names import need_tower
from entitynet_train.tower_names import weight_file as weight_file

FLOORS = ("colour_hog",)  # classifiers that learn from the same pictures and need no model
PROTOCOLS = ("zero_shot", "instance_retrieval", "few_shot", "linear_probe", "linear_probe_adamw")
LEARNT_PROTOCOLS = ("linear_probe", "linear_probe_adamw")  # those that need a training part
CLASSIFIER = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
CLASSIFIER_FORM = "package.module:function, as in my_package.nudity:score"

T = TypeVar("T")


def execution(default: Any = dataclasses.MISSING) -> Any:
    """Declare a field that says where or how fast, and so stays out of the fingerprint."""
    return field(default=default, metadata={"execution": True})


@dataclass(frozen=True)
class ShardSpec:
    """One tar of pictures with its sidecar of words; paths are relative to `DataSpec.root`."""

    name: str
    sha256: str
    samples: int
    tar: str = execution()
    texts: str = execution()


@dataclass(frozen=True)
class DataSpec:
    """The pictures and the words of a training run.

    `words_fingerprint` covers the sidecars, `image_entities`, `query_texts` and `entity_texts`: a relabelled entity changes it and no
    tar. `skip_fingerprint` covers the keys in `skip` (taken down or no longer kept), which loaders never yield.
    All files are Parquet, relative to `root`:
    texts of a shard (image_id, source, text), image_entities (image_id, qid, query_id, query_kind: a link kind),
    query_texts (query_id, source, text), entity_texts (qid, kind, text, distance: statements up to an ancestor, else 0),
    skip (image_id).
    A recipe with classes has a vocabulary, too (class_index, qid), `vocabulary_fingerprint` over its pairs;
    indices are below `class_count`.
    """

    release_id: str
    words_fingerprint: str
    skip_fingerprint: str
    shards: tuple[ShardSpec, ...]
    root: str = execution()
    image_entities: tuple[str, ...] = execution()
    query_texts: tuple[str, ...] = execution()
    entity_texts: tuple[str, ...] = execution()
    skip: tuple[str, ...] = execution(())
    vocabulary_fingerprint: str = ""
    class_count: int = 0
    vocabulary: tuple[str, ...] = execution(())

    @property
    def samples(self) -> int:
        """Pictures over all shards, skipped ones included."""
        return sum(shard.samples for shard in self.shards)


@dataclass(frozen=True)
class RunSpec:
    """One training run: model, data, words, loss, schedule. `samples_seen` 0 means an untrained control.

    `accumulate_steps` cuts a process's part of a batch into pieces that are computed one after the other; `patch_dropout` leaves out a
    share of patches while training; with an `ema_decay` the average of the weights is exported; a loss above `spike_factor` times the
    running median takes no step. `compile` and `activation_checkpointing` trade time and memory, `hang_timeout_s` is how long a rank
    waits at one place.

    Sizes are pixels and tokens; `batch_size_global` counts pictures over all ranks; learning rate is the peak of a
    cosine with linear warm-up over `warmup_ratio` of the steps.

    `tower` is a name of TOWERS, or any name beside a `tower_config`, which is open_clip's `model_cfg`. `init` is where the
    first weights come from: empty for random ones by `seed`, MODEL/PRETRAINED by open_clip's names, or an export or weight file
    that lies at `init_path`; `init_sha256` is the sha256 of the weight file.

    A `teacher` has said what it sees in `reinforcements` (Parquet relative to the data's root: teacher, image_id, left_px, top_px,
    right_px, bottom_px, vector) and reads in `teacher_texts` (teacher, text, vector), `reinforcement_fingerprint` over both; pictures
    are then cut where it saw them, and `crop_scale_min` counts no more.

    `entities` (Parquet relative to the data's root: qid, class_index, label, text, ancestors) are embedded into the export, and `card` says
    in its model card where the data comes from; neither changes the weights, and a finished run with others writes its export again.
    """

    recipe: str
    tower: str
    mix: CaptionMix
    data: DataSpec
    samples_seen: int
    batch_size_global: int
    lr_peak: float
    seed: int = 0
    loss: LossSpec = field(default_factory=LossSpec)
    context_length_tokens: int = 32
    warmup_ratio: float = 0.1
    weight_decay: float = 0.2
    beta1: float = 0.9
    beta2: float = 0.98
    eps: float = 1e-6
    grad_clip_norm: float = 1.0
    crop_scale_min: float = 0.4
    precision: str = "fp32"
    world_size: int = 1
    window_shards: int = 0  # pictures of so many tars are shuffled together, 0: of all
    accumulate_steps: int = 1
    patch_dropout: float = 0.0
    ema_decay: float = 0.0
    spike_factor: float = 0.0
    tower_config: dict[str, Any] = field(default_factory=dict[str, Any])
    init: str = ""
    init_sha256: str = ""
    init_path: str = execution("")
    teacher: str = ""
    reinforcement_fingerprint: str = ""
    reinforcements: tuple[str, ...] = execution(())
    teacher_texts: tuple[str, ...] = execution(())
    checkpoint_every_steps: int = execution(200)
    workers: int = execution(1)
    compile: bool = execution(False)
    activation_checkpointing: bool = execution(False)
    hang_timeout_s: float = execution(600.0)
    entities: str = execution("")
    card: dict[str, str] = field(default_factory=dict[str, str], metadata={"execution": True})

    def __post_init__(self) -> None:
        at = f"recipe[{self.recipe}]"
        need_tower(at, self.tower, self.tower_config)
        self._need_goal(at)
        self._need_schedule(at)

    def _need_goal(self, at: str) -> None:
        """Check what is learned from whom: classes need a vocabulary, distillation a teacher."""
        able = bool(self.data.vocabulary_fingerprint and self.data.class_count > 0) or not self.loss.needs_classes
        need(
            able, f"{at}.data.vocabulary", self.data.class_count, "a vocabulary of 1 class or more, for classification"
        )
        distils = "distillation" in self.loss.names
        need(
            bool(self.teacher) == distils,
            f"{at}.teacher",
            self.teacher,
            "a teacher exactly with a weight for distillation",
        )
        need(
            not self.teacher or bool(self.reinforcements),
            f"{at}.reinforcements",
            (),
            "the files of the teacher's vectors",
        )
        need(
            not self.teacher or not self.mix.template_share, f"{at}.mix.template_share", self.mix.template_share,
            "0 with a teacher, which was asked of whole texts",
        )  # fmt: skip

    def _need_schedule(self, at: str) -> None:
        """Check sizes, steps and rates."""
        need(self.precision in ("fp32", "bf16"), f"{at}.precision", self.precision, "fp32 or bf16")
        need(self.samples_seen >= 0, f"{at}.samples_seen", self.samples_seen, "0 (untrained control) or more pictures")
        need(self.world_size >= 1, f"{at}.world_size", self.world_size, "at least 1 process")
        need(
            self.batch_size_global > 0 and self.batch_size_global % self.world_size == 0,
            f"{at}.batch_size_global", self.batch_size_global, f"a positive multiple of world_size ({self.world_size})",
        )  # fmt: skip
        pieces = self.accumulate_steps
        need(
            pieces >= 1 and self.batch_size_global % (self.world_size * pieces) == 0, f"{at}.accumulate_steps", pieces,
            f"a number of equal pieces of the batch of one process ({self.batch_size_global // self.world_size})",
        )  # fmt: skip
        need(0 <= self.patch_dropout < 1, f"{at}.patch_dropout", self.patch_dropout, "a share of patches in [0, 1)")
        need(0 <= self.ema_decay < 1, f"{at}.ema_decay", self.ema_decay, "0 (off) or a number below 1, such as 0.9999")
        need(
            self.spike_factor == 0 or self.spike_factor > 1, f"{at}.spike_factor", self.spike_factor,
            "0 (off) or a number above 1: what is more than so many times the usual loss takes no step",
        )  # fmt: skip
        need(self.hang_timeout_s > 0, f"{at}.hang_timeout_s", self.hang_timeout_s, "seconds above 0")
        need(0 <= self.seed < 2**32, f"{at}.seed", self.seed, "0 to 2**32 - 1")
        need(
            self.checkpoint_every_steps >= 1, f"{at}.checkpoint_every_steps", self.checkpoint_every_steps, "at least 1"
        )
        need(self.window_shards >= 0, f"{at}.window_shards", self.window_shards, "0 (all tars) or more")
        need(self.workers >= 0, f"{at}.workers", self.workers, "0 (load in the training process) or more")
        need(self.lr_peak > 0, f"{at}.lr_peak", self.lr_peak, "a number above 0")
        need(0 <= self.warmup_ratio < 1, f"{at}.warmup_ratio", self.warmup_ratio, "a share in [0, 1)")
        need(0 < self.crop_scale_min <= 1, f"{at}.crop_scale_min", self.crop_scale_min, "a share in (0, 1]")
        need(
            4 <= self.context_length_tokens <= 77, f"{at}.context_length_tokens", self.context_length_tokens, "4 to 77"
        )
        strange = {
            key: value for key, value in self.card.items() if not isinstance(value, str)
        }  # JSON can hold anything
        need(not strange, f"{at}.card", strange, "texts by name")

    @property
    def steps(self) -> int:
        """Optimiser steps: ceil(samples_seen / batch_size_global)."""
        return -(-self.samples_seen // self.batch_size_global)


@dataclass(frozen=True)
class BenchmarkSpec:
    """Held-out pictures with their classes, and how they are scored.

    `images` is Parquet (image_id, class_id, path), paths relative to `root`; so is `train`, the part that probes and few-shot
    may learn from, "" where there is none. `classes` maps class id (a Wikidata id or a name) to the names it may be called;
    the first is used by zero-shot.
    """

    name: str
    fingerprint: str
    classes: dict[str, tuple[str, ...]]
    templates: tuple[str, ...]
    root: str = execution()
    images: str = execution()
    train: str = execution("")
    protocols: tuple[str, ...] = ("zero_shot",)

    def __post_init__(self) -> None:
        at = f"benchmark[{self.name}].protocols"
        for protocol in self.protocols:
            need(protocol in PROTOCOLS, at, protocol, f"one of {', '.join(PROTOCOLS)}")
        need(0 < len(self.protocols) == len(set(self.protocols)), at, self.protocols, "at least one, each once")


@dataclass(frozen=True)
class EvalSpec:
    """Score one exported checkpoint on benchmarks. `checkpoint` is a directory holding an open_clip export."""

    recipe: str
    step: int
    checkpoint_sha256: str
    benchmarks: tuple[BenchmarkSpec, ...]
    batch_size: int = execution(64)
    checkpoint: str = execution("")


@dataclass(frozen=True)
class FloorSpec:
    """Score a plain classifier on benchmarks. `train` is Parquet (image_id, class_id, path), paths relative to `root`."""

    floor: str
    train_fingerprint: str
    benchmarks: tuple[BenchmarkSpec, ...]
    root: str = execution("")
    train: str = execution("")

    def __post_init__(self) -> None:
        need(self.floor in FLOORS, "floor", self.floor, f"one of {', '.join(FLOORS)}")


@dataclass(frozen=True)
class EmbedSpec:
    """Embed pictures, texts or both with an exported checkpoint or an open_clip name (`encoder`).

    Pictures are loose files (`images`: Parquet of image_id and path, relative to `root`; with left_px, top_px, right_px and bottom_px only
    that part of each, as a square) or the members of a release's tars (`shards`, less
    the keys in `skip`); `texts` is Parquet (text). The answer is embeddings.parquet (image_id, vector FLOAT[D], unit norm) and
    texts.parquet (text, vector) in the order of the input, beside result.json. A killed job repeats at most `part_size` of them a process.
    """

    encoder: str
    encoder_sha256: str
    images_fingerprint: str = ""
    texts_fingerprint: str = ""
    root: str = execution("")
    images: str = execution("")
    texts: str = execution("")
    batch_size: int = execution(64)
    shards: tuple[ShardSpec, ...] = ()
    skip_fingerprint: str = ""
    skip: tuple[str, ...] = execution(())
    part_size: int = execution(2048)

    def __post_init__(self) -> None:
        need(
            not (self.images and self.shards),
            "images, shards",
            self.images,
            "one of them, so that a picture comes once",
        )
        need(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1 picture")
        need(self.part_size >= 1, "part_size", self.part_size, "at least 1 picture")


@dataclass(frozen=True)
class ClassifySpec:
    """Score pictures by a function of one's own, `classifier` (package.module:function), whose weights `version` names.

    The function takes a list of RGB pictures (PIL) and returns one finite number a picture, higher for more of what is looked for.
    `images` is Parquet (image_id, path), paths relative to `root`. The answer is scores.parquet (image_id, score) beside
    result.json; a file that cannot be read has no score.
    """

    classifier: str
    version: str
    images_fingerprint: str
    root: str = execution("")
    images: str = execution("")
    batch_size: int = execution(64)

    def __post_init__(self) -> None:
        need(bool(CLASSIFIER.fullmatch(self.classifier)), "classifier", self.classifier, CLASSIFIER_FORM)
        need(bool(self.version.strip()), "version", self.version, "a text that changes with the classifier's weights")
        need(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1 picture")


@dataclass(frozen=True)
class Score:
    """One figure of a checkpoint on a benchmark; `count` is the number of pictures or queries behind it.

    `low` and `high` are the ends of its 95 % interval, `chance` is what guessing gives, `settings` says what else makes the figure.
    """

    benchmark: str
    protocol: str
    metric: str
    value: float
    count: int
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    settings: str = ""


def to_json(spec: Any) -> str:
    """Return the canonical JSON text of a spec: sorted keys, no blanks that depend on the writer."""
    return json.dumps(dataclasses.asdict(spec), sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def fingerprint(spec: Any) -> str:
    """Return the sha256 (hex) of a spec's identity: every field but those marked `execution`, at any depth."""
    text = json.dumps(_identity(spec), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _identity(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _identity(getattr(value, f.name)) for f in fields(value) if not f.metadata.get("execution")}
    if isinstance(value, dict):
        return {str(key): _identity(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_identity(item) for item in value]
    return value


def load(kind: type[T], path: Path | str) -> T:
    """Read a spec of `kind` from a JSON file. Raises SpecError on an unknown or missing field, naming both."""
    try:
        raw = json.loads(Path(path).read_text())
    except json.JSONDecodeError as error:
        raise SpecError(f"{path}: not JSON ({error}); write it with spec.to_json") from error
    return _build(kind, raw, str(path))


def _build(kind: Any, raw: Any, at: str) -> Any:
    need(isinstance(raw, dict), at, raw, f"a JSON object with the fields of {kind.__name__}")
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(raw) - set(known))
    need(not unknown, at, unknown, f"the fields of {kind.__name__}: {', '.join(known)}")
    required = {
        n for n, f in known.items() if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    missing = sorted(required - set(raw))
    need(not missing, at, missing, f"a value for each of {', '.join(missing)}")
    for name, value in raw.items():
        _need_type(f"{at}.{name}", str(known[name].type), value)
    return kind(**{name: _field(f"{at}.{name}", name, value) for name, value in raw.items()})


def _need_type(at: str, annotation: str, value: Any) -> None:
    """Check the JSON kind of a value; what is not a number, a text or a list is an object."""
    kinds: dict[str, Any] = {"int": int, "float": (int, float), "str": str, "bool": bool, "tuple": list}
    fits = isinstance(value, kinds.get(annotation.split("[")[0], dict)) and isinstance(value, bool) == (
        annotation == "bool"
    )
    need(fits, at, value, f"a value that JSON can give for {annotation}")


def _field(at: str, name: str, value: Any) -> Any:
    nested = {"mix": CaptionMix, "data": DataSpec, "loss": LossSpec}.get(name)
    if nested and isinstance(value, dict):
        return _build(nested, value, at)
    if name in ("shards", "benchmarks"):
        kind = ShardSpec if name == "shards" else BenchmarkSpec
        return tuple(_build(kind, item, f"{at}[{index}]") for index, item in enumerate(value))
    if name == "classes":
        return {key: tuple(names) for key, names in value.items()}
    return tuple(value) if isinstance(value, list) else value
