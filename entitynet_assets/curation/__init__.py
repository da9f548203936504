"""Curation: what is measured of a picture, and which rule keeps or rejects it."""
