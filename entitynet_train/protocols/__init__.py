"""Evaluation protocols, one a file: pure functions from arrays of features and labels to figures.

Belongs here: definitions of scores, with their sources and edge cases. No files, no models, no ranks.
Does not belong here: embedding (encoder.py), which benchmark is scored (evaluate.py).

Conventions: features are arrays with one row a picture or text, scores are shares in [0, 1], ties are broken by the
lower index (stable sorts), a figure that is not defined is NaN.
"""
