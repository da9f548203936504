"""The peers of scoring, in an environment of their own: CLIP_benchmark's evaluation, and GPR1200's ranking as it reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clip_benchmark.metrics import zeroshot_classification  # pyright: ignore[reportMissingImports]

from tests.bench.harness import measured


class Features(torch.nn.Module):
    """A model whose pictures are features already."""

    def encode_image(self, image_BD: torch.Tensor) -> torch.Tensor:
        """Return the features as they are."""
        return image_BD


def ranked(folder: Path) -> float:
    """Return the mean average precision of all pictures against all, each query in its own ranking."""
    vector_ND = torch.from_numpy(np.load(folder / "retrieval.npy"))
    label_N = np.load(folder / "retrieval_label.npy")
    order_NN = torch.argsort(vector_ND @ vector_ND.T, dim=1, descending=True).numpy()
    precisions = []
    for query, order_N in enumerate(order_NN):
        places = np.flatnonzero(label_N[order_N] == label_N[query]) + 1
        precisions.append(float(np.mean(np.arange(1, len(places) + 1) / places)))
    return float(np.mean(precisions))


def classified(folder: Path) -> dict[str, float]:
    """Return the figures of CLIP_benchmark's evaluation; its classifier is read from a file, as it offers."""
    pictures = torch.utils.data.TensorDataset(
        torch.from_numpy(np.load(folder / "classification.npy")),
        torch.from_numpy(np.load(folder / "classification_label.npy")),
    )
    classes = np.load(folder / "classes.npy")
    pictures.classes = [str(place) for place in range(len(classes))]  # pyright: ignore[reportAttributeAccessIssue] - asked for their number
    torch.save(torch.from_numpy(classes).T.contiguous(), folder / "classifier.pt")
    loader = torch.utils.data.DataLoader(pictures, batch_size=1024)
    found: dict[str, Any] = zeroshot_classification.evaluate(
        Features(), loader, None, None, None, "cpu", amp=False, load_clfs=[str(folder / "classifier.pt")]
    )
    return {name: float(found[name]) for name in ("acc1", "acc5", "mean_per_class_recall")}


if __name__ == "__main__":
    where = Path(sys.argv[1])
    print(json.dumps(measured({"instance_retrieval": lambda: ranked(where), "zero_shot": lambda: classified(where)})))
