"""A folder of photographs of the study as an image search; its address is the study's `providers.address`.

Rate limit: none. Licence: none is stated, as a folder says nothing of it. Texts: none, as a folder has no pages.
The answers have the shape of the sample's search.
"""

from __future__ import annotations

from entitynet_assets.hits.providers.sample import Sample


class Folder(Sample):
    """A folder, asked as the sample's search is."""

    ADDRESS = "folder://"
    QUOTA = "folder"
    TERMS = "yours: the photographs are on this machine"


PROVIDER = Folder()
