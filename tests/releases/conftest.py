"""The small sample world of the rooms' tests."""

from tests.fakes.rooms import harvest, harvested, server, small_world

__all__ = ["harvest", "harvested", "server", "small_world"]
