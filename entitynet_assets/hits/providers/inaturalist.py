"""iNaturalist Open Data: licensed photographs of observations, joined by taxon (P3151) without a search.

The four tables (photos, observations, taxa, observers) are published monthly on S3 as gzipped TSV without quoting; fetch them, and
name their folder in `providers.address`. Rate limit: none, as nobody is asked; the pictures are served by S3. Licence: stated
for each photograph. A photograph belongs to the taxon of its observation, and where that is a subspecies, variety or form also to
its species; to nothing further up. Research grade comes first, then the first photograph of an observation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from entitynet_assets.hits.tables_of_pictures import Columns, PictureTable, seen
from entitynet_assets.lake import Lake, quoted
from entitynet_assets.studies.models import StudyError

TAXON = "P3151"
TABLES = ("photos", "observations", "taxa", "observers")
ENDINGS = (".csv.gz", ".tsv.gz", ".csv", ".tsv")
PICTURES = "https://inaturalist-open-data.s3.amazonaws.com/photos/"
PAGE = "https://www.inaturalist.org/photos/"
SIDE_PX = 500  # longer side of the size called medium
SPECIES = 10  # rank level; what is lower is a part of a species


def joined(files: Sequence[Path]) -> str:
    """Return the SELECT that joins the four tables, ordered by taxon: run once, it serves every slice."""
    photos, observations, taxa, observers = (_read(path) for path in files)
    return f"""
        WITH lower_taxa AS (
            SELECT below.taxon_id, arg_max(above.taxon_id, above.rank_level::DOUBLE)
                FILTER (WHERE above.rank_level::DOUBLE <= {SPECIES}) AS species_id
            FROM (SELECT taxon_id, UNNEST(string_split(ancestry, '/')) AS above_id FROM {taxa}
                WHERE rank_level::DOUBLE < {SPECIES}) AS below
            JOIN (SELECT taxon_id, rank_level FROM {taxa}) AS above ON above.taxon_id = below.above_id
            GROUP BY below.taxon_id
        )
        SELECT photos.photo_id::BIGINT AS photo_id, photos.extension, photos.license, photos.width::BIGINT AS width,
            photos.height::BIGINT AS height, photos.position::BIGINT AS position, observations.taxon_id, taxa.name AS taxon_name,
            coalesce(lower_taxa.species_id, observations.taxon_id) AS species_id, observations.quality_grade,
            coalesce(nullif(observers.name, ''), observers.login) AS author
        FROM {photos} AS photos
        JOIN {observations} AS observations USING (observation_uuid)
        LEFT JOIN {taxa} AS taxa ON taxa.taxon_id = observations.taxon_id
        LEFT JOIN lower_taxa ON lower_taxa.taxon_id = observations.taxon_id
        LEFT JOIN {observers} AS observers ON observers.observer_id = photos.observer_id
        WHERE observations.taxon_id <> '' AND photos.photo_id <> ''
        ORDER BY species_id, observations.taxon_id, photo_id
    """


def _read(path: Path) -> str:
    return f"read_csv({quoted(path)}, delim = '\\t', header = true, quote = '', escape = '', all_varchar = true, nullstr = '\\N')"


class INaturalist(PictureTable):
    """The four tables of the open data."""

    QUOTA = "inaturalist"
    TERMS = (
        "each photograph's licence binds, NC included; credit the observer; rows may name photographs that were deleted"
    )

    def files(self, place: Path) -> list[Path]:
        """Return the files of the four tables, in the order of TABLES. Raises StudyError if one is absent."""
        found = [
            next((place / f"{name}{ending}" for ending in ENDINGS if (place / f"{name}{ending}").is_file()), None)
            for name in TABLES
        ]
        lacking = [name for name, path in zip(TABLES, found, strict=True) if path is None]
        if lacking:
            raise StudyError(
                f"providers.inaturalist.address: no {lacking[0]}.csv.gz in the folder; fetch the four tables from "
                "s3://inaturalist-open-data (aws s3 cp --no-sign-request)"
            )
        return [path for path in found if path]

    def found(self, lake: Lake, files: Sequence[Path], columns: Columns) -> str:
        """Return the SELECT of the photographs of each item query that has a taxon; the tables are joined when first asked."""
        ready = lake.prepared(self.QUOTA, joined(files), json.dumps(seen(files)))
        source = f"read_parquet({quoted(ready)})"
        return f"""
            WITH taxa AS (
                SELECT query_id, qid, text AS query_text, kind AS query_kind, identifier."value" AS taxon
                FROM queries, UNNEST(identifiers) AS unnested(identifier) WHERE kind = 'item' AND identifier.property_id = '{TAXON}'
            ),
            photos AS (
                SELECT DISTINCT taxa.*, photo.* FROM taxa JOIN {source} AS photo ON photo.taxon_id = taxa.taxon
                UNION
                SELECT DISTINCT taxa.*, photo.* FROM taxa JOIN {source} AS photo ON photo.species_id = taxa.taxon
            )
            SELECT query_id, qid, query_text, query_kind,
                {{'grade': quality_grade <> 'research', 'position': position, 'photo_id': photo_id}} AS place,
                'photos photo_id=' || photo_id AS source,
                '{PICTURES}' || photo_id || '/medium.' || extension AS image_url,
                '{PAGE}' || photo_id AS page_url,
                NULL::VARCHAR AS alt_text,
                NULL::VARCHAR AS page_text,
                taxon_name AS title,
                CASE license WHEN 'PD' THEN 'public domain' WHEN 'CC0' THEN 'CC0' ELSE nullif(license, '') || ' 4.0' END AS licence,
                CASE WHEN license = 'CC0' THEN 'https://creativecommons.org/publicdomain/zero/1.0/'
                    WHEN license LIKE 'CC-BY%' THEN 'https://creativecommons.org/licenses/' || lower(license[4:]) || '/4.0/'
                    END AS licence_url,
                author,
                round(width * least(1, {SIDE_PX} / greatest(width, height)))::BIGINT AS width_px,
                round(height * least(1, {SIDE_PX} / greatest(width, height)))::BIGINT AS height_px
            FROM photos
        """


PROVIDER = INaturalist()
