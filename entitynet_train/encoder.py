"""A trained model at work: loads an open_clip export or name, embeds pictures and texts.

Belongs here: what scoring and embedding share. Does not belong here: training towers (model.py), metrics (protocols/).

Shapes: N pictures or texts, C channels, H and W pixels, D features.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor, nn

from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World, gather_all
from entitynet_train.spec import SpecError

T = TypeVar("T")

PARTS_AHEAD = 2
_WEIGHTS = ("*.safetensors", "*.bin", "*.pth")


@dataclass(frozen=True)
class Cut:
    """A part of a picture file: left, top, right, bottom in pixels; it is prepared as a square."""

    path: Path
    box: tuple[int, int, int, int]

    def square(self) -> Image.Image:
        """Return the part drawn out to a square of its longer side, as a training crop is one."""
        side = max(self.box[2] - self.box[0], self.box[3] - self.box[1])
        with Image.open(self.path) as image:
            return image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC, box=self.box)


Place = Path | Cut | Callable[[], bytes]  # a file, a part of one, or what answers the bytes of a picture


@dataclass(frozen=True)
class Encoder:
    """A model in evaluation mode with the preparation of pictures and texts that belongs to it."""

    model: nn.Module
    transform: Callable[[Image.Image], Tensor]
    tokenizer: Callable[[list[str]], Tensor]
    device: torch.device

    @property
    def preprocess(self) -> dict[str, Any]:
        """How the transform prepares a picture, as open_clip says it of the model; empty where it says nothing."""
        return dict(getattr(getattr(self.model, "visual", None), "preprocess_cfg", {}))

    @torch.inference_mode()
    def images(self, image_NCHW: Tensor) -> np.ndarray:
        """Return vector_ND of pictures: float32, unit norm."""
        encode: Any = self.model.encode_image
        return encode(image_NCHW.to(self.device), normalize=True).float().cpu().numpy()

    @torch.inference_mode()
    def texts(self, texts: Sequence[str], batch_size: int) -> np.ndarray:
        """Return vector_ND of texts: float32, unit norm."""
        encode: Any = self.model.encode_text
        parts = [
            encode(self.tokenizer(list(part)).to(self.device), normalize=True).float().cpu().numpy()
            for part in slices(texts, batch_size)
        ]
        return np.concatenate(parts)


def load_encoder(name: str, sha256: str, device: torch.device) -> Encoder:
    """Load a directory with an open_clip export, or MODEL/PRETRAINED by open_clip's names.

    Raises:
        SpecError: the export is absent, or its weight file does not have the given sha256 (checked for directories).
    """
    if Path(name).is_dir():
        _require_sha256(Path(name), sha256)
        known_as, pretrained = f"local-dir:{name}", None
    else:
        known_as, _, pretrained = name.partition("/")
        _require_known(name, known_as, pretrained)
    open_clip = import_open_clip()
    model, _, transform = open_clip.create_model_and_transforms(known_as, pretrained=pretrained, device=device)
    return Encoder(model.eval(), transform, open_clip.get_tokenizer(known_as), device)


def _require_sha256(directory: Path, sha256: str) -> None:
    weights = [path for pattern in _WEIGHTS for path in sorted(directory.glob(pattern))]
    if not weights or not (directory / "open_clip_config.json").is_file():
        raise SpecError(f"{directory}: found no open_clip export; allowed: open_clip_config.json beside a weight file")
    with weights[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise SpecError(f"{weights[0]}: found sha256 {found}; allowed: {sha256}, as the spec says")


def _require_known(name: str, model: str, pretrained: str) -> None:
    if (model, pretrained) not in import_open_clip().list_pretrained():
        raise SpecError(f"encoder: found {name!r}; allowed: a directory with an open_clip export, or MODEL/PRETRAINED")


@dataclass(frozen=True)
class Pictures:
    """A table of picture files: the columns of the Parquet file, and where each picture lies."""

    columns: dict[str, list[str]]
    paths: list[Path]


def read_pictures(root: str, images: str, columns: tuple[str, ...]) -> Pictures:
    """Read a table of pictures (columns and `path`) relative to `root`. Raises SpecError if it is unreadable."""
    file = Path(root) / images
    try:
        table = pq.read_table(file, columns=[*columns, "path"]).select([*columns, "path"])
    except (OSError, pa.ArrowException, KeyError) as error:
        allowed = ", ".join((*columns, "path"))
        raise SpecError(f"{file}: {error}; allowed: Parquet with the columns {allowed}") from error
    return Pictures(
        {name: table[name].to_pylist() for name in columns}, [Path(root) / p for p in table["path"].to_pylist()]
    )


def read_texts(root: str, texts: str) -> list[str]:
    """Read a Parquet file with the column `text`, relative to `root`. Raises SpecError if it is unreadable."""
    file = Path(root) / texts
    try:
        return pq.read_table(file, columns=["text"])["text"].to_pylist()
    except (OSError, pa.ArrowException, KeyError) as error:
        raise SpecError(f"{file}: {error}; allowed: Parquet with the column text") from error


def embed_pictures(encoder: Encoder, world: World, paths: list[Path], batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Embed picture files over all ranks; return (vector_ND, places), both on every rank.

    `places` (int64, rising) are the indexes in `paths` that could be read: the rest is for the caller to report.
    """
    own = range(world.rank, len(paths), world.size)
    vectors, places = [], []
    for loaded in load_ahead(paths, encoder.transform, slices(own, batch_size)):
        ready = [(place, image) for place, image in loaded if image is not None]
        if ready:
            places += [place for place, _ in ready]
            vectors.append(encoder.images(torch.stack([image for _, image in ready])))
    shares = gather_all(world, (places, vectors))
    place_N = np.array([place for share in shares for place in share[0]], np.int64)
    found = [vector for share in shares for vector in share[1]]
    vector_ND = np.concatenate(found) if found else np.zeros((0, 0), np.float32)
    order = np.argsort(place_N)
    return vector_ND[order], place_N[order]


def load_ahead(
    places: Sequence[Place], transform: Callable[[Image.Image], T], parts: Iterable[Sequence[int]]
) -> Iterator[list[tuple[int, T | None]]]:
    """Yield (place, what `transform` makes of the picture) of each part, decoding the next two in threads meanwhile.

    `places` says where each picture lies. None stands for one that is absent or cannot be decoded. Raises SpecError, or StoreError, of
    a place that says that its whole tar is at fault.
    """
    waiting: deque[list[tuple[int, Future[T | None]]]] = deque()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for part in parts:
            waiting.append([(place, pool.submit(_load, places[place], transform)) for place in part])
            if len(waiting) > PARTS_AHEAD:
                yield [(place, future.result()) for place, future in waiting.popleft()]
        while waiting:
            yield [(place, future.result()) for place, future in waiting.popleft()]


def _load(place: Place, transform: Callable[[Image.Image], T]) -> T | None:
    try:
        if isinstance(place, Cut):
            return transform(place.square())
        with Image.open(place if isinstance(place, Path) else io.BytesIO(place())) as image:
            return transform(image)
    except Exception:  # a decoder of foreign bytes may raise anything; the caller counts what is missing
        return None


def slices(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield the items in parts of `size`, the last one shorter."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
