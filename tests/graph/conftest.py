"""The small sample world of the rooms' tests, and a lake that asks a language model."""

from tests.fakes.asked_lake import asked, asking, chat
from tests.fakes.rooms import harvest, harvested, rooms, rooms_of, sample_study, server, small_world

__all__ = [
    "asked",
    "asking",
    "chat",
    "harvest",
    "harvested",
    "rooms",
    "rooms_of",
    "sample_study",
    "server",
    "small_world",
]
