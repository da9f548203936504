"""Scores: checkpoints against benchmarks, per recipe, entity and confusion."""
