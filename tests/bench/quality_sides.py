"""What quality.py does on each side: the study, the pairs as tars of the peer, a training run with its checkpoints, their scores."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from entitynet_assets.studies.models import HERE
from entitynet_train import model
from entitynet_train.data import Batches
from entitynet_train.encoder import load_ahead, load_encoder, read_pictures
from entitynet_train.protocols import zero_shot
from entitynet_train.spec import EvalSpec, RunSpec, load, to_json
from tests.bench.harness import ROOT

Curve = list[tuple[float, float]]  # (seconds since the process was started, accuracy) of each checkpoint
CHECKPOINTS = 8
PAIRS_PER_TAR = 640
RECIPES = """
[[recipes]]
name = "first-weights"
mix = "balanced"
tower = "demo-64"
samples_seen = 0
batch_size_global = 64
lr_peak = 5e-4
crop_scale_min = 0.6
context_length_tokens = 16

[recipes.loss]
weights = { contrastive = 1.0, classification = 0.5 }
"""
SAMPLES_SEEN, CORES = 20480, 2  # as many as the demo sees


@dataclass(frozen=True)
class Place:
    """Where a benchmark works: its folder, the peer's interpreter, the environment of processes."""

    folder: Path
    peer_python: Path
    environment: dict[str, str]

    @property
    def lake(self) -> Path:
        """The lake that the study makes."""
        return self.folder / "home/quality/lake"


def study_made(place: Place) -> RunSpec:
    """Run the sample study with one untrained recipe; return its specification, told to train as long as the demo's."""
    text = (HERE / "sample.toml").read_text().replace('name = "sample"\ntitle', 'name = "quality"\ntitle', 1)
    text = text.replace('recipes = ["demo", "demo-untrained"]', "", 1)
    (place.folder / "quality.toml").write_text(text + RECIPES)
    environment = {**place.environment, "ENTITYNET_HOME": str(place.folder / "home")}
    command = [sys.executable, "-m", "entitynet_assets.cli", "run", "--study", str(place.folder / "quality.toml")]
    _run(command, environment, place.folder / "study.log")
    spec = load(RunSpec, _only(place.lake / "jobs/train", "*/spec.json"))
    return replace(
        spec, samples_seen=SAMPLES_SEEN, world_size=CORES, checkpoint_every_steps=SAMPLES_SEEN // 64 // CHECKPOINTS
    )


def write_pairs(place: Place, spec: RunSpec) -> None:
    """Write the pairs that our loader draws, in its order, as tars of jpg and txt."""
    crop = model.RandomCrop(model.image_size_px(spec), spec.crop_scale_min)
    alone = replace(spec, world_size=1)
    batches = Batches(alone, 0, crop, lambda texts: torch.zeros(len(texts), 1))
    pixels = _pixels(spec)
    pairs = [pair for step in range(spec.steps) for pair in zip(*_drawn(batches, step), strict=True)]
    (place.folder / "pairs").mkdir()
    for begin in range(0, len(pairs), PAIRS_PER_TAR):
        with tarfile.open(place.folder / f"pairs/{begin // PAIRS_PER_TAR:04d}.tar", "w") as tar:
            for number, (image_id, text) in enumerate(pairs[begin : begin + PAIRS_PER_TAR], start=begin):
                for suffix, body in (("jpg", pixels[image_id]), ("txt", text.encode())):
                    member = tarfile.TarInfo(f"{number:08d}.{suffix}")
                    member.size = len(body)
                    tar.addfile(member, io.BytesIO(body))


def _drawn(batches: Batches, step: int) -> tuple[list[str], list[str]]:
    batch = batches[step]
    return batch.image_ids, batch.texts


def _pixels(spec: RunSpec) -> dict[str, bytes]:
    found = {}
    for shard in spec.data.shards:
        with tarfile.open(Path(spec.data.root) / shard.tar) as tar:
            for member in tar:
                file = tar.extractfile(member)
                assert file is not None
                found[member.name.removesuffix(".jpg")] = file.read()
    return found


def train_ours(place: Place, spec: RunSpec, scorer: Scorer) -> Curve:
    """Train with entitynet_train.train, keep every checkpoint, score them when it has ended."""
    out = Path(place.folder / "ours")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    (out / "spec.json").write_text(to_json(spec))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(CORES), "-m", "--"]
    command = [*launch, "entitynet_train.train", "--spec", str(out / "spec.json"), "--out", str(out)]
    seconds = _kept(place, command, 1, out)
    return [(seconds[path], scorer.accuracy(path, "model")) for path in sorted(seconds)]


def train_peer(place: Place, spec: RunSpec, scorer: Scorer) -> Curve:
    """Train with open_clip_train's own command, keep every checkpoint, score them when it has ended."""
    out = place.folder / "peer"
    shutil.rmtree(out, ignore_errors=True)
    steps_between, tars = spec.steps // CHECKPOINTS, len(list((place.folder / "pairs").iterdir()))
    arguments: dict[str, Any] = {
        "model": f"local-dir:{scorer.first}", "train-data": f"{place.folder}/pairs/{{0000..{tars - 1:04d}}}.tar",
        "dataset-type": "webdataset", "train-num-samples": steps_between * spec.batch_size_global, "epochs": CHECKPOINTS,
        "batch-size": spec.batch_size_global, "lr": spec.lr_peak, "beta1": spec.beta1, "beta2": spec.beta2, "eps": spec.eps,
        "wd": spec.weight_decay, "warmup": round(spec.warmup_ratio * spec.steps), "grad-clip-norm": spec.grad_clip_norm,
        "precision": spec.precision, "seed": spec.seed, "workers": 1, "save-frequency": 1, "logs": str(out), "name": "run", "device": "cpu",
    }  # fmt: skip
    flags = ["--aug-cfg", f"scale=({spec.crop_scale_min},1.0)"]
    given = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    command = [str(place.peer_python), "-m", "tests.bench.quality_peer", *given, *flags]
    seconds = _kept(place, command, CORES, out)
    return [
        (seconds[path], scorer.accuracy(path, "state_dict")) for path in sorted(seconds, key=lambda path: seconds[path])
    ]


def _kept(place: Place, command: list[str], threads: int, out: Path) -> dict[Path, float]:
    """Run a command; return its checkpoints, kept beside `out`, with the seconds since the start at which each was whole."""
    keep = place.folder / f"{out.name}-kept"
    shutil.rmtree(keep, ignore_errors=True)
    keep.mkdir()
    environment = {**place.environment, "OMP_NUM_THREADS": str(threads)}
    seconds: dict[Path, float] = {}
    with (place.folder / f"{out.name}.log").open("w") as log:
        began = time.time()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        while True:
            ended = process.poll() is not None
            whole = [path.parent / "state.pt" for path in out.glob("checkpoints/step_*/complete")]
            for path in [*whole, *out.glob("run/checkpoints/epoch_*.pt")]:
                name = keep / f"{path.parent.name}-{path.name}"
                if name not in seconds and (ended or path.name == "state.pt" or _is_whole(path)):
                    os.link(path, name)
                    seconds[name] = path.stat().st_mtime - began
            if ended:
                break
            time.sleep(0.1)
    if process.returncode or not seconds:
        raise RuntimeError(
            f"{command[0]} ended with {process.returncode} and {len(seconds)} checkpoints:\n{Path(log.name).read_text()[-3000:]}"
        )
    return seconds


def _is_whole(path: Path) -> bool:
    """Tell whether a file has not been written to for a while: the peer writes its checkpoints in place."""
    return time.time() - path.stat().st_mtime > 1


class Scorer:
    """Scores weights on the study's held-out pictures, which are decoded once; `first` holds the export of the first weights."""

    def __init__(self, place: Place) -> None:
        job = _only(place.lake / "jobs", "evaluate/*/spec.json")
        spec = load(EvalSpec, job)
        self.first = Path(spec.checkpoint)
        self._encoder = load_encoder(spec.checkpoint, spec.checkpoint_sha256, torch.device("cpu"))
        (benchmark,) = spec.benchmarks
        pictures = read_pictures(benchmark.root, benchmark.images, ("class_id",))
        self._classes = benchmark.classes
        loaded = next(load_ahead(pictures.paths, self._encoder.transform, [range(len(pictures.paths))]))
        self._image_NCHW = torch.stack([image for _, image in loaded if image is not None])
        label_of = {class_id: place for place, class_id in enumerate(benchmark.classes)}
        known = [pictures.columns["class_id"][place] for place, image in loaded if image is not None]
        self._label_N = torch.tensor([label_of[class_id] for class_id in known]).numpy()
        self._prompts = [
            prompt
            for names in benchmark.classes.values()
            for prompt in zero_shot.fill_templates(names[0], benchmark.templates)
        ]

    def accuracy(self, weights: Path, key: str) -> float:
        """Return the share of held-out pictures that the weights name right."""
        state = torch.load(weights, map_location="cpu", weights_only=False)[key]
        self._encoder.model.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
        vectors = self._encoder.texts(self._prompts, 256)
        class_KD = zero_shot.class_vectors(vectors.reshape(len(self._classes), -1, vectors.shape[1]))
        return zero_shot.classify(self._encoder.images(self._image_NCHW), class_KD, self._label_N)["acc1"]


def _only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def _run(command: list[str], environment: dict[str, str], log: Path) -> None:
    with log.open("w") as file:
        code = subprocess.run(command, env=environment, cwd=ROOT, stdout=file, stderr=file, check=False).returncode
    if code:
        raise RuntimeError(f"{command[2]} ended with {code}:\n{log.read_text()[-3000:]}")
