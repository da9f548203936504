"""SELECTs as assets: inputs, parameters, version and column lineage are read off the query."""

from __future__ import annotations

import pytest

from entitynet_assets.lake import read_sql
from entitynet_assets.sql_assets import code_version_of, column_lineage, parameters_of, parse, tables_of
from entitynet_assets.tables import PREVIOUS, TABLES, ContractError
from tests.small_lake import STATIONS, SmallLake

MADE_BY_SQL = sorted(name for name, stop in STATIONS.items() if "sql" in stop.kinds)


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("SELECT qid FROM entities", ("entities",)),
        ("WITH hits AS (SELECT qid FROM entities) SELECT qid FROM hits", ("entities",)),
        ("SELECT a.qid FROM entities AS a JOIN previous_entities AS b USING (qid)", ("entities", "previous_entities")),
        ("SELECT qid FROM entities WHERE qid IN (SELECT qid FROM queries)", ("entities", "queries")),
        ("SELECT l.text FROM wikidata_items, UNNEST(labels) AS u(l)", ("wikidata_items",)),
        ("SELECT qid FROM urls JOIN entities ON true", ("entities",)),
        ("SELECT qid FROM entities UNION ALL SELECT qid FROM hits", ("entities", "hits")),
    ],
)
def test_inputs_are_the_tables_that_a_query_reads(query: str, tables: tuple[str, ...]) -> None:
    assert tables_of(query, "urls") == tables


def test_a_name_that_is_no_table_is_refused() -> None:
    with pytest.raises(
        ContractError, match=r"urls: reads \['entitys'\], which are no tables; the tables are in tables.py"
    ):
        tables_of("SELECT qid FROM entitys", "urls")


@pytest.mark.parametrize("query", ["SELECT 1; SELECT 2", "DELETE FROM entities", "CREATE TABLE x (y INT)", ""])
def test_a_file_is_one_select(query: str) -> None:
    with pytest.raises(ContractError, match="expected one SELECT"):
        parse(query)


def test_parameters_are_found_wherever_they_stand() -> None:
    assert parameters_of("SELECT $a::DOUBLE AS x FROM hits WHERE rank = ANY($b) AND page > $a QUALIFY $c = 0") == {
        "a",
        "b",
        "c",
    }
    assert parameters_of("SELECT '$a' AS x") == set()


def test_the_version_follows_meaning_and_not_layout() -> None:
    plain = code_version_of("SELECT qid FROM entities WHERE label = 'a'")
    assert code_version_of("-- why\nselect  qid\nfrom entities -- x\nwhere label='a'") == plain
    assert code_version_of("SELECT qid FROM entities WHERE label = 'A'") != plain
    assert code_version_of("SELECT qid FROM entities WHERE label <> 'a'") != plain


@pytest.mark.parametrize("name", MADE_BY_SQL)
def test_every_column_is_traced_to_columns_that_exist(name: str) -> None:
    traced = column_lineage(TABLES[name])
    assert traced.keys() <= set(TABLES[name].column_names)
    for above in traced.values():
        for table, column in above:
            assert table in STATIONS[name].reads
            assert column in (TABLES.get(table) or PREVIOUS[table]).column_names


@pytest.mark.parametrize(
    ("name", "column", "above"),
    [
        ("kept_images", "path", ("images", "path")),
        ("urls", "licence", ("hits", "licence")),
        ("entity_scores", "recall", ("predictions", "predicted_class_id")),
        ("leaderboard", "acc1", ("scores", "value")),
        ("entity_report", "label", ("entities", "label")),
        ("attributes", "value", ("wikidata_items", "labels")),
        ("image_entities", "threshold", ("label_tail", "threshold")),
    ],
)
def test_lineage_names_the_columns_a_column_is_made_from(name: str, column: str, above: tuple[str, str]) -> None:
    assert above in column_lineage(TABLES[name])[column]


def test_only_the_parameters_that_a_query_names_are_part_of_its_identity(small: SmallLake) -> None:
    small.run("kept_images")
    small.choose(curation={"min_side_px": 99})
    assert small.run("kept_images").outcome == "unchanged"
    small.run("verdicts")
    small.choose(curation={"min_side_px": 98})
    assert small.run("verdicts").outcome == "made"
    small.choose(curation={"min_side_px": 98}, queries={"per_entity": 9})
    assert small.run("verdicts").outcome == "unchanged"


def test_a_station_says_what_its_file_says_first() -> None:
    assert (
        STATIONS["kept_images"].description
        == "Pictures that no rule rejects; a rule that was not judged does not reject."
    )
    assert read_sql(TABLES["kept_images"]).startswith("-- Pictures that no rule rejects")
