"""open_clip_train's command as it is, in an environment of its own whose torchvision may lack compiled operators."""

from __future__ import annotations

import sys

from entitynet_train.compat import import_open_clip

import_open_clip()

from open_clip_train.main import main  # noqa: E402 - torchvision's operators are declared first

if __name__ == "__main__":
    main(sys.argv[1:])
