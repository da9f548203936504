"""Linear probe: multinomial logistic regression on frozen features, by L-BFGS (Radford et al. 2021, appendix A.3).

The penalty is chosen on a part of the training pictures, then the probe is fitted on all of them. This is the convex
problem with one answer, and not CLIP_benchmark's AdamW for ten epochs (linear_probe_adamw.py): figures of the two are not
to be compared.

Shapes: N pictures, D features, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from entitynet_train.protocols.inputs import need_labels, unit_rows

PENALTIES = tuple(10.0**exponent for exponent in range(-6, 1))
VALIDATION_EVERY = 5  # one in five training pictures of each class chooses the penalty


@dataclass(frozen=True)
class Probe:
    """A fitted probe: weight_DK, bias_K, and the label behind each of the K columns."""

    weight_DK: np.ndarray
    bias_K: np.ndarray
    labels: np.ndarray

    def predict(self, vector_ND: np.ndarray) -> np.ndarray:
        """Return the predicted label of each picture."""
        return self.labels[np.argmax(unit_rows("vector_ND", vector_ND) @ self.weight_DK + self.bias_K, axis=1)]


def fit_probe(vector_ND: np.ndarray, label_N: np.ndarray, penalty: float) -> Probe:
    """Minimise mean cross-entropy + penalty / 2 * |weight|^2 on features of unit norm, in float64 from zero."""
    labels, target = np.unique(label_N, return_inverse=True)
    x_ND, y_N = torch.from_numpy(unit_rows("vector_ND", vector_ND.astype(np.float64))), torch.from_numpy(target)
    weight_DK = torch.zeros(x_ND.shape[1], len(labels), dtype=torch.float64, requires_grad=True)
    bias_K = torch.zeros(len(labels), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight_DK, bias_K], max_iter=1000, tolerance_grad=1e-9, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        solver.zero_grad()
        loss = cross_entropy(x_ND @ weight_DK + bias_K, y_N) + penalty / 2 * (weight_DK**2).sum()
        loss.backward()
        return float(loss.detach())

    solver.step(closure)
    return Probe(weight_DK.detach().numpy(), bias_K.detach().numpy(), labels)


def choose_penalty(vector_ND: np.ndarray, label_N: np.ndarray) -> float:
    """Return the penalty with the best accuracy on the held-out fifth; the strongest among equals."""
    held = np.zeros(len(label_N), bool)
    for label in np.unique(label_N):
        held[np.flatnonzero(label_N == label)[VALIDATION_EVERY - 1 :: VALIDATION_EVERY]] = True
    if not held.any():
        return PENALTIES[0]
    accuracies = [
        (fit_probe(vector_ND[~held], label_N[~held], penalty).predict(vector_ND[held]) == label_N[held]).mean()
        for penalty in reversed(PENALTIES)
    ]
    return tuple(reversed(PENALTIES))[int(np.argmax(accuracies))]


def linear_probe_accuracy(
    train_ND: np.ndarray, train_label_N: np.ndarray, test_ND: np.ndarray, test_label_N: np.ndarray
) -> float:
    """Return the share of test pictures that a probe fitted on the training pictures labels right. Raises ProtocolError."""
    need_labels("train_label_N", train_label_N, len(train_ND))
    need_labels("test_label_N", test_label_N, len(test_ND))
    probe = fit_probe(train_ND, train_label_N, choose_penalty(train_ND, train_label_N))
    return float((probe.predict(test_ND) == test_label_N).mean())
