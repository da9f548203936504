"""Licences by one name each, SPDX's where it has one: from the address of a licence, or the words that a provider uses.

Belongs here: strings to identifiers. Does not belong here: which licences a study refuses (`curation.licences_refused`).
"""

from __future__ import annotations

import re

UNKNOWN = "unknown"
_CC_ADDRESS = re.compile(r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)", re.IGNORECASE)
_CC_WORDS = re.compile(
    r"\b(?:cc|creative commons)[\s_-]*(by(?:[\s_-](?:nc|sa|nd))*)(?:[\s_-]*v?(\d\.\d))?", re.IGNORECASE
)
_RIGHTS = re.compile(r"rightsstatements\.org/(?:vocab|page)/([A-Za-z-]+)/(\d\.\d)")
_WORDS = (
    (r"creativecommons\.org/publicdomain/zero|\bcc[\s_-]?0\b|\bcc zero\b", "CC0-1.0"),
    (r"creativecommons\.org/publicdomain/mark|\bpdm\b|public domain mark", "PDM-1.0"),
    (r"\bpublic[\s_-]?domain\b|^pd\b|no known copyright", "public-domain"),
    (r"all rights reserved|^©|^\(c\)$", "all-rights-reserved"),
)


def licence_id(stated: str | None, address: str | None = None) -> str:
    """Return a licence's identifier: `CC-BY-SA-4.0`, `CC0-1.0`, `InC-1.0` of rightsstatements.org, ...

    The address is surer than the words. Words that are no known licence stay as they are; nothing stated is `unknown`.
    """
    for said in (address or "", stated or ""):
        if found := _CC_ADDRESS.search(said):
            return f"CC-{found[1].upper()}-{found[2]}"
        if found := _RIGHTS.search(said):
            return f"{found[1]}-{found[2]}"
        for pattern, name in _WORDS:
            if re.search(pattern, said, re.IGNORECASE):
                return name
        if found := _CC_WORDS.search(said):
            code = re.sub(r"[\s_]", "-", found[1]).upper()
            return f"CC-{code}-{found[2]}" if found[2] else f"CC-{code}"
    return (stated or "").strip() or UNKNOWN
