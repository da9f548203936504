"""The small sample world of the rooms' tests."""

from tests.fakes.rooms import harvest, harvested, rooms, rooms_of, sample_study, server, small_world

__all__ = ["harvest", "harvested", "rooms", "rooms_of", "sample_study", "server", "small_world"]
