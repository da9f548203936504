"""The door of the mixes room: a mix is weights; what it comes to is a SELECT."""

from __future__ import annotations

from entitynet_assets import previews
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Station
from entitynet_assets.tables import CAPTION_MIXES

STATIONS: tuple[Station, ...] = (sql_asset(CAPTION_MIXES, preview=previews.CAPTION_MIXES),)
