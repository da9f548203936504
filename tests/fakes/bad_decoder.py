"""A decoder that does what its picture says: dies by a signal, is busy or asleep for ever, or answers what nobody can read."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from entitynet_assets import decoder
from entitynet_assets.pictures import Kept


def obey(content: bytes, kept: Kept) -> Any:
    if content.startswith(b"SIG"):
        os.kill(os.getpid(), getattr(signal, content.decode()))
    if content == b"busy":
        while True:
            pass
    if content == b"asleep":
        time.sleep(3600)
    if content == b"cut":
        sys.stdout.buffer.write(decoder.TOLD.pack(50, 50) + b"{}")
        sys.exit()
    if content == b"nonsense":
        sys.stdout.buffer.write(decoder.TOLD.pack(2, 0) + b"}{")
        sys.stdout.flush()
    return read(content, kept)


if __name__ == "__main__":
    read, decoder._read = decoder._read, obey
    decoder.main()
