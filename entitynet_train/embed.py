"""Embed pictures and texts: `torchrun ... -m -- entitynet_train.embed --spec PATH --out DIR`.

Belongs here: from an EmbedSpec to OUT/embeddings.parquet and OUT/result.json.
Does not belong here: loading and running an encoder (encoder.py), what the vectors are for (the platform).

Shapes: N pictures, D features.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entitynet_train import report
from entitynet_train.distributed import hold_directory, process_group, wait_for_all
from entitynet_train.encoder import Pictures, embed_pictures, load_encoder, read_pictures, read_texts
from entitynet_train.entry import run_entry
from entitynet_train.spec import EmbedSpec, SpecError, fingerprint


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code (entry.py says which)."""
    return run_entry(EmbedSpec, embed, "Embed pictures with a trained encoder.", argv)


def embed(spec: EmbedSpec, out: Path) -> int:
    """Embed `spec` in directory `out`; return 0. Raises SpecError for a spec that cannot be run."""
    if not spec.images and not spec.texts:
        raise SpecError(
            "images, texts: found '' and ''; allowed: a Parquet file of pictures, one of texts, or one of each"
        )
    with process_group() as world, hold_directory(out, world):
        if report.read_result(out, fingerprint(spec)):
            return 0
        pictures = (
            read_pictures(spec.root, spec.images, ("image_id",)) if spec.images else Pictures({"image_id": []}, [])
        )
        encoder = load_encoder(spec.encoder, spec.encoder_sha256, world.device)
        vector_ND, place_N = embed_pictures(encoder, world, pictures.paths, spec.batch_size)
        if world.is_first:
            texts = read_texts(spec.root, spec.texts) if spec.texts else []
            text_vector_ND = encoder.texts(texts, spec.batch_size) if texts else vector_ND[:0]
            _write_vectors(out / "texts.parquet", "text", texts, text_vector_ND)
            image_ids = pictures.columns["image_id"]
            embedded_ids = [image_ids[place] for place in place_N]
            _write_vectors(out / "embeddings.parquet", "image_id", embedded_ids, vector_ND)
            embedded = set(place_N.tolist())
            unreadable = [image_id for place, image_id in enumerate(image_ids) if place not in embedded]
            values = {
                "embeddings": "embeddings.parquet",
                "dimensions": int(max(vector_ND.shape[1], text_vector_ND.shape[1])),
                "counts": {
                    "pictures": len(image_ids),
                    "embedded": len(place_N),
                    "unreadable": len(unreadable),
                    "texts": len(texts),
                },
                "unreadable": unreadable[:100],
            }
            report.write_result(out, fingerprint(spec), values)
        wait_for_all(world)
    return 0


def _write_vectors(path: Path, name: str, keys: list[str], vector_ND: np.ndarray) -> None:
    offsets = pa.array(
        np.arange(len(keys) + 1, dtype=np.int64) * vector_ND.shape[1]
    )  # 4 million pictures overflow 32 bits
    vectors = pa.LargeListArray.from_arrays(offsets, pa.array(vector_ND.reshape(-1), pa.float32()))
    pq.write_table(pa.table({name: pa.array(keys, pa.string()), "vector": vectors}), path)


if __name__ == "__main__":
    sys.exit(main())
