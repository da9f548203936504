"""What no figure can be made of is named by argument and row, and never becomes a figure."""

from __future__ import annotations

import numpy as np
import pytest

from entitynet_train.protocols import few_shot, instance_retrieval, ranking, retrieval, zero_shot
from entitynet_train.protocols.inputs import ProtocolError

WRONG = {
    "nan": (lambda: instance_retrieval.average_precisions(np.array([[1.0, np.nan]]), np.array([0])), "vector_ND.*not finite.*row 0"),
    "zeros": (lambda: zero_shot.score_classes(np.zeros((2, 3)), np.eye(3)), "image_ND.*only zeros.*row 0"),
    "label beyond the classes": (lambda: zero_shot.accuracy(np.eye(3), np.array([0, 1, 3])), "label_N.*label 3.*0 to 2"),
    "negative label": (lambda: zero_shot.accuracy(np.eye(3), np.array([0, -1, 2])), "label_N.*label -1"),
    "no picture": (lambda: zero_shot.accuracy(np.zeros((0, 3)), np.zeros(0, int)), "no picture"),
    "labels of other pictures": (lambda: instance_retrieval.average_precisions(np.eye(3), np.arange(2)), "label_N.*for 3 rows"),
    "k beyond the set": (lambda: ranking.best_k(np.eye(3), np.eye(3), 4), "k: found 4; allowed: 1 to 3"),
    "k of nothing": (lambda: retrieval.retrieval_figures(np.eye(2), np.eye(2), np.arange(2), (0,)), "k: found 0"),
    "a text of no picture": (lambda: retrieval.retrieval_figures(np.eye(2), np.eye(2), np.array([0, 2]), (1,)), "image_of_text_T.*label 2"),
    "no right answer": (lambda: retrieval.ranked_queries(np.eye(2), np.eye(2), [np.zeros(0, int)] * 2, 1), "right: found no query"),
    "more shots than pictures": (lambda: few_shot.first_of_each_class(np.array([0, 0, 1, 1, 1]), 2), "found 2 and class 0 with 2"),
    "prompts that cancel out": (lambda: zero_shot.class_vectors(np.array([[[1.0, 0], [-1, 0]]])), "class's prompts.*only zeros"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WRONG))
def test_arrays_of_which_no_figure_can_be_made_are_named(name):
    asked, message = WRONG[name]
    with pytest.raises(ProtocolError, match=message):
        asked()
