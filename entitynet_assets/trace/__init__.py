"""Trace: from a picture, an address or an entity back to the graph and on to the scores, as a tree of values."""
