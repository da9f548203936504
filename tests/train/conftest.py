"""A tiny world for the workshop's tests: coloured shapes in tars, words in Parquet, and the jobs that read them."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import random
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from entitynet_train import spec as contract

REPOSITORY = Path(__file__).parents[2]
CLASSES = {"Q1": "red circle", "Q2": "green square", "Q3": "blue triangle", "Q4": "yellow cross"}


def draw_shape(name: str, rng: random.Random) -> bytes:
    """Return a JPEG of a coloured shape on grey at a random place."""
    colour, shape = name.split()
    image = Image.new("RGB", (96, 80), (rng.randint(90, 160),) * 3)
    x, y, r = rng.randint(28, 68), rng.randint(28, 52), rng.randint(16, 26)
    pen = ImageDraw.Draw(image)
    box = (x - r, y - r, x + r, y + r)
    if shape == "circle":
        pen.ellipse(box, fill=colour)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    elif shape == "triangle":
        pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=colour)
    else:
        pen.line((x - r, y, x + r, y), fill=colour, width=8)
        pen.line((x, y - r, x, y + r), fill=colour, width=8)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, raw in sorted(members.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(raw), 0
            tar.addfile(info, io.BytesIO(raw))


def write_table(path: Path, columns: tuple[str, ...], rows: list[tuple]) -> None:
    schema = pa.schema([(column, pa.string()) for column in columns])
    pq.write_table(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema), path)


def pytest_collection_modifyitems(items):
    """Let open_clip's tokenizer leave its vocabulary file open; nothing of ours does."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed file .*bpe_simple_vocab:ResourceWarning"))


@dataclass
class TinyWorld:
    root: Path
    classes: dict[str, str]
    pictures: dict[str, str] = field(default_factory=dict)  # image_id -> qid
    shards: list[contract.ShardSpec] = field(default_factory=list)
    entity_texts: list[tuple[str, str, str]] = field(default_factory=list)
    ancestors: list[tuple[str, str, int]] = field(default_factory=list)  # qid, name, distance
    links: list[tuple[str, str, str, str]] | None = (
        None  # image_id, qid, query_id, query_kind; by default a noun query each
    )
    query_texts: list[tuple[str, str, str]] | None = None
    skip: list[str] = field(default_factory=list)

    def add_shard(self, per_class: int, seed: int, broken: int = 0) -> list[str]:
        rng, members, texts = random.Random(seed), {}, []
        for qid, name in self.classes.items():
            for number in range(per_class):
                raw = draw_shape(name, rng)
                members[hashlib.sha256(raw).hexdigest()] = raw
                image_id = list(members)[-1]
                self.pictures[image_id] = qid
                texts += [(image_id, "alt_text", f"a {name} on grey"), (image_id, "title", f"picture {number}")]
        bad = list(members)[:broken]
        for image_id in bad:
            members[image_id] = b"\xff\xd8 not a picture"
        name = f"{len(self.shards):05d}"
        write_tar(self.root / f"{name}.tar", {f"{key}.jpg": raw for key, raw in members.items()})
        write_table(self.root / f"{name}.parquet", ("image_id", "source", "text"), texts)
        sha256 = hashlib.sha256((self.root / f"{name}.tar").read_bytes()).hexdigest()
        self.shards.append(contract.ShardSpec(name, sha256, len(members), f"{name}.tar", f"{name}.parquet"))
        self.write_words()
        return bad

    def write_words(self) -> None:
        links = [(image_id, qid, f"n{qid}", "noun") for image_id, qid in self.pictures.items()]
        asked = [(f"n{qid}", "query", f"{name} photo") for qid, name in self.classes.items()]
        columns = ("image_id", "qid", "query_id", "query_kind")
        write_table(self.root / "links.parquet", columns, links if self.links is None else self.links)
        queries = asked if self.query_texts is None else self.query_texts
        write_table(self.root / "query_texts.parquet", ("query_id", "source", "text"), queries)
        texts = [(*row, "0") for row in self.entity_texts]
        texts += [(qid, "ancestor", name, str(distance)) for qid, name, distance in self.ancestors]
        write_table(self.root / "entity_texts.parquet", ("qid", "kind", "text", "distance"), texts)
        write_table(self.root / "skip.parquet", ("image_id",), [(key,) for key in self.skip])

    def data(self) -> contract.DataSpec:
        words = hashlib.sha256((self.root / "entity_texts.parquet").read_bytes()).hexdigest()
        return contract.DataSpec(
            release_id="tiny-1",
            words_fingerprint=words,
            skip_fingerprint=",".join(self.skip),
            shards=tuple(self.shards),
            root=str(self.root),
            image_entities=("links.parquet",),
            query_texts=("query_texts.parquet",),
            entity_texts=("entity_texts.parquet",),
            skip=("skip.parquet",),
        )

    def data_with_classes(self) -> contract.DataSpec:
        """The same with a vocabulary: the first entity is no class, the others have indices with a gap."""
        classes = [(2 * place, qid) for place, qid in enumerate(list(self.classes)[1:])]
        schema = pa.schema([("class_index", pa.int64()), ("qid", pa.string())])
        rows = [dict(zip(schema.names, one, strict=True)) for one in classes]
        pq.write_table(pa.Table.from_pylist(rows, schema), self.root / "vocabulary.parquet")
        return dataclasses.replace(
            self.data(),
            vocabulary=("vocabulary.parquet",),
            vocabulary_fingerprint=contract.vocabulary_fingerprint(classes),
            class_count=max(classes)[0] + 1,
        )

    def run_spec(self, **changes) -> contract.RunSpec:
        mix = contract.CaptionMix("half", {"label": 1.0, "alt_text": 1.0})
        base = contract.RunSpec(
            recipe="tiny",
            tower="demo-64",
            mix=mix,
            data=self.data(),
            samples_seen=32,
            batch_size_global=8,
            lr_peak=1e-3,
            context_length_tokens=12,
            checkpoint_every_steps=2,
            workers=0,
        )
        return dataclasses.replace(base, **changes)

    def benchmark(self, per_class: int = 8, seed: int = 99) -> contract.BenchmarkSpec:
        folder = self.root / "benchmark"
        folder.mkdir(exist_ok=True)
        rng, rows = random.Random(seed), []
        for qid, name in self.classes.items():
            for number in range(per_class):
                path = folder / f"{qid}_{number}.jpg"
                path.write_bytes(draw_shape(name, rng))
                rows.append((f"{qid}_{number}", qid, path.name))
        write_table(folder / "images.parquet", ("image_id", "class_id", "path"), rows)
        names = {qid: (name,) for qid, name in self.classes.items()}
        return contract.BenchmarkSpec("shapes", "b1", names, ("a {} on grey", "{}"), str(folder), "images.parquet")


def write_spec(path: Path, spec) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(contract.to_json(spec))
    return path


@dataclass
class Launcher:
    """Starts the jobs as users do, with torchrun, in processes of their own."""

    def launch(self, processes: int) -> list[str]:
        return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]

    def start(self, module: str, spec: Path, out: Path, processes: int = 2) -> subprocess.Popen:
        return self.start_command([*self.launch(processes), "-m", "--", module, "--spec", str(spec), "--out", str(out)])

    def start_command(self, command: list[str]) -> subprocess.Popen:
        path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command,
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, module: str, spec: Path, out: Path, processes: int = 2) -> tuple[int, str]:
        process = self.start(module, spec, out, processes)
        text, _ = process.communicate(timeout=240)
        return process.returncode, text


@pytest.fixture
def tiny_world(tmp_path) -> TinyWorld:
    """Four classes, two tars, 24 pictures."""
    root = tmp_path / "world"
    root.mkdir()
    world = TinyWorld(root, dict(CLASSES))
    world.entity_texts = [(qid, "label", name) for qid, name in CLASSES.items()]
    world.add_shard(per_class=4, seed=0)
    world.add_shard(per_class=2, seed=1)
    return world


@pytest.fixture
def empty_world(tmp_path) -> TinyWorld:
    """The same classes, without a picture yet."""
    root = tmp_path / "world"
    root.mkdir()
    return TinyWorld(root, dict(CLASSES), entity_texts=[(qid, "label", name) for qid, name in CLASSES.items()])


@pytest.fixture
def torchrun() -> Launcher:
    return Launcher()


@pytest.fixture
def saved_spec(tmp_path):
    """A function that writes a spec to a JSON file and returns its path."""
    return lambda spec, name="spec.json": write_spec(tmp_path / name, spec)
