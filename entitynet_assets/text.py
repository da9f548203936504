"""String rules used by several rooms: identifiers, slices, normal forms.

Belongs here: pure functions of strings. Does not belong here: anything that knows a table or a room.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote, urlsplit, urlunsplit

SLICE_WIDTH = 3  # digits of a slice's name: 000 to 999
_SAFE = "/:?#[]@!$&'()*+,;=%~-._"


def hash_id(*parts: object) -> str:
    """Return a sha256 (hex) over the parts, which may not be confused by where one ends and the next begins."""
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def slice_of(identifier: str, slice_count: int) -> int:
    """Return the slice index of an identifier: first 32 bits of its sha256 modulo `slice_count` (SQL: `slice_of`)."""
    return int(hashlib.sha256(identifier.encode()).hexdigest()[:8], 16) % slice_count


def slice_names(slice_count: int) -> list[str]:
    """Return the names of all slices in order: 000, 001, ..."""
    return [f"{index:0{SLICE_WIDTH}d}" for index in range(slice_count)]


def normal_url(url: str) -> str:
    """Return the form under which two spellings of one address meet: lower-case scheme and host, no default port, no fragment.

    Raises ValueError if it is not an absolute http(s) or folder address.
    """
    parts = urlsplit(url.strip())
    if parts.scheme.lower() not in ("http", "https", "folder") or not parts.hostname:
        raise ValueError(f"not an absolute http(s) or folder address: {url[:200]!r}")
    port = parts.port
    keep_port = port and port != {"http": 80, "https": 443}.get(parts.scheme.lower())
    host = parts.hostname.encode("idna").decode() if not parts.hostname.isascii() else parts.hostname
    host = f"[{host}]" if ":" in host else host
    netloc = f"{host}:{port}" if keep_port else host
    return urlunsplit(
        (parts.scheme.lower(), netloc, quote(parts.path or "/", safe=_SAFE), quote(parts.query, safe=_SAFE), "")
    )
