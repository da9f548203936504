"""Training: a recipe becomes a run specification, the cluster makes checkpoints of it."""
