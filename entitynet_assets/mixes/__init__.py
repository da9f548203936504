"""Mixes: weights over caption sources, and what they come to on a release."""
