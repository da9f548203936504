"""What a full disk looks like among the causes of an error."""

from __future__ import annotations

import errno

from entitynet_assets.files import is_disk_full


def test_a_full_disk_is_found_among_the_causes() -> None:
    error = RuntimeError("step failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert is_disk_full(error)
    assert not is_disk_full(RuntimeError("step failed"))
    assert not is_disk_full(None)


def test_causes_that_form_a_ring_come_to_an_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert not is_disk_full(one)
