"""The door of the mixes room: a mix is weights; the words that it draws from and what it comes to are SELECTs."""

from __future__ import annotations

from entitynet_assets import previews
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Station
from entitynet_assets.tables import ANCESTOR_TEXTS, CAPTION_LINKS, CAPTION_MIXES, MIX_BALANCE, QUERY_TEXTS

STATIONS: tuple[Station, ...] = (
    sql_asset(QUERY_TEXTS), sql_asset(ANCESTOR_TEXTS), sql_asset(CAPTION_LINKS, every=("queries",)),
    sql_asset(CAPTION_MIXES, preview=previews.CAPTION_MIXES), sql_asset(MIX_BALANCE, preview=previews.MIX_BALANCE),
)  # fmt: skip
