"""Wikimedia Commons by what a file is said to depict: structured data (P180), asked of the site's search.

The same answers, limit and terms as commons.py; an entity is asked for by its id, so no name can be mistaken.
"""

from __future__ import annotations

from entitynet_assets.hits.provider import Search
from entitynet_assets.hits.providers.commons import Commons


class Statements(Commons):
    """The search of Commons, asked for statements of structured data."""

    def words(self, search: Search) -> str:
        """Return the statement that a file depicts the entity."""
        return f"haswbstatement:P180={search.qid} filetype:bitmap"


PROVIDER = Statements()
