"""The door of the queries room: phrasing is a SELECT."""

from __future__ import annotations

from entitynet_assets import previews
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Station
from entitynet_assets.tables import QUERIES

STATIONS: tuple[Station, ...] = (sql_asset(QUERIES, preview=previews.QUERY_KINDS),)
