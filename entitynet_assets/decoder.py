"""The process that decodes: `python -m entitynet_assets.decoder MEMORY_MIB CPU_S`, pictures on stdin, what they are on stdout.

Belongs here: one loop under limits that the kernel keeps. Does not belong here: who starts and ends it (decoders.py), or what a
picture is (pictures.py).

A question is `ASKED` (bytes, shorter side, quality) and the picture; an answer is `TOLD` (bytes of JSON, bytes of JPEG) and both.
Nothing that is read here can make the asker run code: the answer is JSON and a JPEG that nobody here decodes again. It ends when
its stdin does, so that no kill of the asker leaves it behind, and a picture that never ends is ended by the timer.
"""

from __future__ import annotations

import io
import json
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from entitynet_assets.pictures import Kept, PictureError, read_picture

ASKED, TOLD = struct.Struct("<QII"), struct.Struct("<II")
READY = b"ready\n"


def main() -> None:
    """Decode until stdin ends."""
    memory_mib, cpu_s = int(sys.argv[1]), float(sys.argv[2])
    _warm_up()
    _limit(memory_mib)
    asked, told = sys.stdin.buffer, sys.stdout.buffer
    told.write(READY)
    told.flush()
    while head := asked.read(ASKED.size):
        size, side_px, quality = ASKED.unpack(head)
        content = asked.read(size)
        signal.setitimer(signal.ITIMER_PROF, cpu_s)  # time of a core, so that a busy machine spoils no picture
        facts, jpeg = _read(content, Kept(side_px, quality))
        signal.setitimer(signal.ITIMER_PROF, 0)
        _tell(told, facts, jpeg)


def _read(content: bytes, kept: Kept) -> tuple[dict[str, object], bytes]:
    try:
        picture = read_picture(content, kept)
    except PictureError as error:
        return {"outcome": error.outcome, "reason": error.reason}, b""
    except MemoryError:
        return {"outcome": "too_large", "reason": "decoding needs more memory than it may have"}, b""
    return {name: value for name, value in vars(picture).items() if name != "jpeg"}, picture.jpeg


def _tell(told: BinaryIO, facts: dict[str, object], jpeg: bytes) -> None:
    words = json.dumps(facts).encode()
    told.write(TOLD.pack(len(words), len(jpeg)) + words + jpeg)
    told.flush()


def _warm_up() -> None:
    """Load what is loaded late, before memory is limited."""
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(buffer, "JPEG")
    read_picture(buffer.getvalue(), Kept(8))


def _limit(memory_mib: int) -> None:
    """Limit what may be had beyond what is held now; no file may be written and no core dumped."""
    held = Path("/proc/self/statm")
    if held.exists():
        pages = int(held.read_text().split()[0])
        most = pages * resource.getpagesize() + memory_mib * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
