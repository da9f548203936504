"""The floor that a trained model has to beat: colours and edges of a picture, and a logistic regression on them.

The features are a histogram of oriented gradients (Dalal and Triggs 2005) of the grey picture and the square roots of four
colour histograms, one a quarter. The regression's penalty is chosen on a part of the training pictures.

Shapes: N pictures, D features, K classes.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage.feature import hog
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from entitynet_train.protocols.zero_shot import accuracy

SIDE_PX = 64
COLOUR_BINS = 4  # a channel: 64 colours
INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # the strongest penalty first
VALIDATION_EVERY = 5  # one in five training pictures of each class chooses the penalty
MAX_ITERATIONS = 200


def picture_features(image: Image.Image) -> np.ndarray:
    """Return the features of one picture (float32, one dimension), whatever its size."""
    small = np.asarray(image.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))
    grey = np.asarray(Image.fromarray(small).convert("L"), dtype=np.float32) / 255
    edges = hog(grey, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), feature_vector=True)
    half = SIDE_PX // 2
    quarters = [small[y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
    return np.concatenate([edges, *map(_colours, quarters)]).astype(np.float32)


def _colours(rgb_HWC: np.ndarray) -> np.ndarray:
    """Return the square roots of the shares of 64 colours."""
    bins = rgb_HWC.reshape(-1, 3).astype(np.int64) * COLOUR_BINS // 256
    code = (bins[:, 0] * COLOUR_BINS + bins[:, 1]) * COLOUR_BINS + bins[:, 2]
    return np.sqrt(np.bincount(code, minlength=COLOUR_BINS**3) / len(code))


def fit(feature_ND: np.ndarray, label_N: np.ndarray, inverse_penalty: float) -> Pipeline:
    """Return a multinomial logistic regression on standardised features."""
    regression = LogisticRegression(C=inverse_penalty, max_iter=MAX_ITERATIONS, tol=1e-3)
    return make_pipeline(StandardScaler(), regression).fit(feature_ND, label_N)


def choose_penalty(feature_ND: np.ndarray, label_N: np.ndarray) -> float:
    """Return the inverse penalty with the best accuracy on every fifth picture of a class; the strongest penalty among equals."""
    held = np.zeros(len(label_N), bool)
    for label in np.unique(label_N):
        held[np.flatnonzero(label_N == label)[VALIDATION_EVERY - 1 :: VALIDATION_EVERY]] = True
    if not held.any() or len(np.unique(label_N[~held])) < 2:
        return INVERSE_PENALTIES[0]
    shares = [
        fit(feature_ND[~held], label_N[~held], one).score(feature_ND[held], label_N[held]) for one in INVERSE_PENALTIES
    ]
    return INVERSE_PENALTIES[int(np.argmax(shares))]


def colour_hog_accuracy(
    train_ND: np.ndarray, train_label_N: np.ndarray, test_ND: np.ndarray, test_label_N: np.ndarray, classes: int
) -> dict[str, float]:
    """Return acc1, acc5 and mean_per_class_recall of test pictures; labels are 0 to `classes` - 1, two of them at least trained.

    A class without a training picture is never answered.
    """
    fitted = fit(train_ND, train_label_N, choose_penalty(train_ND, train_label_N))
    logits_NK = np.full((len(test_ND), classes), -1.0)
    logits_NK[:, fitted.classes_] = fitted.predict_proba(test_ND)
    return accuracy(logits_NK, test_label_N)
