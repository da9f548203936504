"""What can go wrong with a source of the graph.

Belongs here: the error that every source raises. Does not belong here: any source (sparql.py, dump.py).
"""

from __future__ import annotations


class SourceError(RuntimeError):
    """A graph source that did not answer: what was asked, what came, what to do."""
