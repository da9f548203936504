"""The contract of every table: its room, grain, key, slicing and columns, each said once.

Belongs here: declarations, and nothing that reads or writes. Parquet schemas, Dagster column schemas, the contract
checks and docs/tables.md are all derived from this page, so it is one long list (that is why it is over 300 lines).
Does not belong here: storage (lake.py), how a table is made (the rooms and sql/).

Types are DuckDB's. Identity columns mean one thing everywhere: `qid` a Wikidata id, `image_id` the sha256 of the bytes
as served, `url_id` and `query_id` hashes of what they name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Slicing = Literal["whole", "slices", "recipes"]
RULES = (
    "size", "aspect", "blank", "placeholder", "duplicate", "leak", "licence", "text", "unwanted", "people", "blocklist", "relevance",
)  # fmt: skip
QUERY_KINDS = ("noun", "alias", "taxon_name", "common_name", "drawing", "attribute", "attribute_noun", "word")
STYLES = ("any", "photo", "drawing")
PUBLISHED_KINDS = (  # names of the published data set, of which ours are the counterparts
    "wd-noun-living", "wd-noun-world", "wd-noun-world-cartoon", "wd-attr-living", "wd-attr-world", "wd-attrnoun-living",
    "wd-attrnoun-world", "wordnet-noun-living",
)  # fmt: skip
FINDINGS = (
    "not_ok", "no_label", "outside_roots", "few_sitelinks", "no_image", "excluded", "excluded_by_statement", "not_leaf", "not_visual",
    "over_limit",
    "cycle", "unknown_parent", "no_rank", "label_gap", "no_natural_type", "many_roots", "wide_branch",
)  # fmt: skip
VISUAL_RULES = ("language_model", "seen_class", "abstract_class", "picture", "commons_category", "nothing_said")
ATTRIBUTE_CATEGORIES = ("colour", "pattern", "material", "part", "shape_size", "environment", "behaviour", "other")
ATTRIBUTE_SOURCES = ("stated", "inherited", "mined", "generated")
DOWNLOAD_OUTCOMES = (
    "ok", "not_found", "gone", "forbidden", "http_error", "throttled", "timeout", "connection", "robots", "opted_out",
    "too_large", "not_image", "truncated", "undecodable", "too_many_redirects", "bad_url", "forbidden_address",
    "taken_down",
)  # fmt: skip
WEB_SOURCES = ("alt_text", "title", "page_text")
GRAPH_KINDS = (
    "label", "alias", "taxon_name", "common_name", "description", "natural_type", "natural_type_alias", "natural_type_description",
    "attribute", "attribute_type", "attribute_value",
)  # fmt: skip
REFUSALS = (
    "too_long", "markup", "broken_characters", "unseen", "address", "camera_name", "file_name", "repeats", "boilerplate", "hashtags",
    "no_letters",
)  # fmt: skip
QUERY_SOURCES = (  # captions that are made of a query, as entitynet_train.captions has them
    "query", "query_swapped", "query_swapped_type", "query_attribute", "query_attribute_name", "query_attribute_type",
)  # fmt: skip
STRINGS = 'STRUCT("language" VARCHAR, "text" VARCHAR)[]'
IDENTIFIERS = 'STRUCT(property_id VARCHAR, "value" VARCHAR)[]'
CLAIMS = (
    "STRUCT(statement_id VARCHAR, property_id VARCHAR, rank VARCHAR, snak VARCHAR, "
    'value_qid VARCHAR, value_text VARCHAR, "language" VARCHAR)[]'
)
GENERATED = 'STRUCT(category VARCHAR, "value" VARCHAR)[]'
COUNTS = 'STRUCT("name" VARCHAR, pictures BIGINT)[]'
DROPPED = 'STRUCT(category VARCHAR, "value" VARCHAR, reason VARCHAR)[]'


class ContractError(Exception):
    """A table that is not what its contract says: what was expected, what was found, what to do."""


@dataclass(frozen=True)
class Column:
    """One column. `volatile` columns (times, tries) are evidence and stay out of the content digest."""

    name: str
    type: str
    meaning: str
    nullable: bool = False
    volatile: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table = one asset = one file name. `key` columns are unique together and never null."""

    name: str
    room: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    slicing: Slicing = "whole"

    def __post_init__(self) -> None:
        missing = set(self.key) - set(self.column_names)
        if missing:
            raise ContractError(f"table {self.name}: key columns {sorted(missing)} are not columns; mend tables.py")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in the order of the contract."""
        return tuple(column.name for column in self.columns)

    @property
    def lasting(self) -> tuple[str, ...]:
        """Columns that the content digest covers."""
        return tuple(column.name for column in self.columns if not column.volatile)


def _c(name: str, type_: str, meaning: str, flags: str = "", allowed: tuple[str, ...] = ()) -> Column:
    return Column(name, type_, meaning, "?" in flags, "~" in flags, allowed)


def text(name: str, meaning: str, flags: str = "", allowed: tuple[str, ...] = ()) -> Column:
    """Declare a VARCHAR column; flags: ? nullable, ~ volatile."""
    return _c(name, "VARCHAR", meaning, flags, allowed)


def whole(name: str, meaning: str, flags: str = "") -> Column:
    """Declare a BIGINT column; flags: ? nullable, ~ volatile."""
    return _c(name, "BIGINT", meaning, flags)


def number(name: str, meaning: str, flags: str = "") -> Column:
    """Declare a DOUBLE column; flags: ? nullable, ~ volatile."""
    return _c(name, "DOUBLE", meaning, flags)


QID = text("qid", "Wikidata id of the entity")
IMAGE = text("image_id", "sha256 of the picture's bytes as served")
URL = text("url_id", "sha256 of the normalised picture address")
QUERY = text("query_id", "hash of the search text and its options")
RECIPE = text("recipe", "name of the training recipe")
STEP = whole("step", "optimiser step of the checkpoint")
BENCHMARK = text("benchmark", "name of the benchmark")
MIX = text("mix", "name of the caption mix")
SHARD = text("shard", "name of the tar, without its ending")
ROUND = whole("round", "harvest round in which it was first seen, from 1")
ASKED = whole("asked_round", "harvest round in which it was last asked", "~")

# What one decode says of a picture; in the download ledger, and from there of each distinct picture.
PICTURE = (
    text("format", "format as served"),
    whole("n_frames", "pictures in the file, of which the first is taken; 1 if it is no animation"),
    whole("original_width_px", "width as served, after EXIF orientation"),
    whole("original_height_px", "height as served, after EXIF orientation"),
    whole("width_px", "width as stored"), whole("height_px", "height as stored"),
    text("path", "stored JPEG, relative to the lake"),
    text("stored_sha256", "sha256 of the stored JPEG"),
    _c("phash", "UBIGINT", "64-bit perceptual hash (DCT)"),
    _c("dhash", "UBIGINT", "64-bit difference hash"),
    number("entropy_bits", "entropy of the grey-level histogram, bits; near 0 is blank"),
    text("thumbnail", "24 x 24 of luma and 4 x 4 each of chroma, base64; absent where the picture was decoded before there was one", "?"),
)  # fmt: skip

GRAPH_SOURCE = Table("graph_source", "graph", "source of the graph, as it was before it was read", ("source",), (
    text("source", "what is read", allowed=("sparql", "dump")),
    text("address", "address of the endpoint, or the name of the dump's file without its folders"),
    text("snapshot_id", "of a dump: digest of its size, its beginning and its end, the same wherever the file lies", "?"),
    whole("bytes", "size of the dump's file", "?"),
    text("modified_at", "when the dump's file was last written, ISO 8601", "?"),
    text("complete_until", "of an endpoint: the time up to which it has every edit, as it says itself", "?"),
    text("reason", "why the endpoint's time is not known", "?"),
    ASKED,
))  # fmt: skip
GRAPH_SNAPSHOT = Table("graph_snapshot", "graph", "source of the graph: which Wikidata this is", ("source",), (
    text("source", "what was read", allowed=("sparql", "dump")),
    text("address", "address of the endpoint, or the name of the dump's file without its folders"),
    text("snapshot_id", "of a dump: digest of its size, its beginning and its end", "?"),
    text("complete_until", "the time up to which every edit is in: an endpoint's own word, of a dump the newest edit met", "?"),
    text("reason", "why an endpoint's time is not known", "?"),
    whole("items", "items that were read"),
    whole("newest_revision", "highest revision among them", "?"),
    text("newest_edit_at", "newest edit among them, ISO 8601", "?"),
))  # fmt: skip
WIKIDATA_ITEMS = Table("wikidata_items", "graph", "item asked for, whether or not it came", ("qid",), (
    QID,
    text("status", "what came of asking", allowed=("ok", "missing", "redirect", "broken")),
    text("reason", "why it is not ok", "?"),
    text("redirect_qid", "the id it was merged into", "?"),
    text("role", "asked as a member of the scope, as what is above a named item, to name a value, or as an entity of the last round",
         allowed=("member", "value", "former", "ancestor")),
    whole("revision", "revision read", "?"),
    text("modified_at", "last edit of that revision, ISO 8601", "?"),
    whole("sitelink_count", "pages about it over all projects", "?"),
    _c("labels", STRINGS, "labels in the study's languages and mul"),
    _c("descriptions", STRINGS, "descriptions"),
    _c("aliases", STRINGS, "aliases, one row each"),
    _c("claims", CLAIMS, "statements that are not deprecated, best rank only"),
    text("enwiki_title", "title of the English Wikipedia page", "?"),
))  # fmt: skip
MODEL_ANSWER = (
    text("model", "language model asked, as the study names it"),
    text("prompt_sha256", "sha256 of the messages sent to it, as JSON"),
    text("status", "what came of asking: of not_asked and failed there is no answer",
         allowed=("ok", "refused", "malformed", "not_asked", "failed")),
    text("reason", "why it is not ok, or what of it was left out", "?"),
)  # fmt: skip
MODEL_WORDS = (
    text("answer", "the answer as received", "?"),
    whole("prompt_tokens", "length of the prompt, as the endpoint counts", "?"),
    whole("completion_tokens", "length of the answer, as the endpoint counts", "?"),
)
VISUAL_JUDGEMENTS = Table("visual_judgements", "graph", "member that a language model is asked about", ("qid",), (
    QID, *MODEL_ANSWER,
    _c("visual", "BOOLEAN", "whether a photograph can show it", "?"),
    text("explanation", "why, in the model's words", "?"),
    text("type_qid", "the kind of thing that the model chose among the ancestors offered", "?"),
    text("type_name", "its name, as offered", "?"),
    *MODEL_WORDS,
))  # fmt: skip
ENTITIES = Table("entities", "graph", "entity in scope", ("qid",), (
    QID,
    text("label", "display name"),
    text("label_source", "where the name comes from", allowed=("en", "mul", "taxon_name", "common_name", "sitelink")),
    text("description", "short description", "?"),
    text("root_qid", "nearest of the study's roots; of two as near, the one that the study names first"),
    text("root_label", "its name"),
    whole("depth", "statements from it up to that root; 0 is the root itself"),
    _c("parent_qids", "VARCHAR[]", "items one statement above it, sorted"),
    text("natural_type_qid", "nearest named ancestor in scope that is not skipped: what kind of thing it is", "?"),
    text("natural_type", "its name", "?"),
    whole("sitelink_count", "pages about it over all projects"),
    text("image_title", "Commons file named by P18", "?"),
    text("commons_category", "Commons category named by P373", "?"),
))  # fmt: skip
PARENT_STATEMENTS = Table(
    "parent_statements", "graph", "statement that puts a member below another item", ("qid", "property_id", "parent_qid"), (
    QID,
    text("property_id", "one of the study's relations"),
    text("parent_qid", "item one statement above it, whether or not it is a member"),
))  # fmt: skip
ENTITY_PARENTS = Table("entity_parents", "graph", "entity x ancestor", ("qid", "ancestor_qid"), (
    QID,
    text("ancestor_qid", "class or taxon above it, by the study's relations"),
    whole("distance", "statements on the shortest path, from 1"),
))  # fmt: skip
ENTITY_ROOTS = Table("entity_roots", "graph", "member x root that it is at or below", ("qid", "root_qid"), (
    QID,
    text("root_qid", "one of the study's roots"),
    whole("distance", "statements on the shortest path; 0 is the root itself"),
))  # fmt: skip
NAMED_ANCESTORS = Table("named_ancestors", "graph", "entity x class above it that has a name", ("qid", "ancestor_qid"), (
    QID,
    text("ancestor_qid", "class or taxon above it, itself at or below a root"),
    text("ancestor_label", "its name"),
    whole("distance", "statements on the shortest path, from 1"),
))  # fmt: skip
ROOT_BRANCHES = Table("root_branches", "graph", "root x class right below it, and the root itself", ("root_qid", "branch_qid"), (
    text("root_qid", "one of the study's roots"),
    text("root_label", "its name"),
    text("branch_qid", "class one statement below it; the root itself on the row of its totals"),
    text("branch_label", "its name"),
    whole("members", "members at or below it, without a way through the root"),
    whole("entities", "of these, entities"),
    number("share", "of the root's entities, 0 to 1"),
    text("path_qids", "from the branch down while one class holds over half of its entities, written upwards: 'Q5 < Q164509 < Q729'"),
    text("path", "its names: 'human < omnivore < animal'"),
))  # fmt: skip
ENTITY_TEXTS = Table("entity_texts", "graph", "text that the graph has for an entity", ("qid", "kind", "language", "text"), (
    QID,
    text("kind", "what the text is; an attribute with the name, with the natural type, or its value alone", allowed=GRAPH_KINDS),
    text("language", "language code"),
    text("text", "the words"),
))  # fmt: skip
VISUALITY = Table("visuality", "graph", "member, and whether a photograph would show it", ("qid",), (
    QID,
    _c("visual", "BOOLEAN", "whether a photograph would show it"),
    text("rule", "what decided", allowed=VISUAL_RULES),
    text("reason", "the same as a sentence"),
    _c("has_image", "BOOLEAN", "whether it has a picture, P18"),
    text("commons_category", "Commons category named by P373", "?"),
    text("seen_qid", "nearest class above it, or itself, that has a look", "?"),
    whole("seen_distance", "statements up to it", "?"),
    text("abstract_qid", "nearest class above it, or itself, that has none", "?"),
    whole("abstract_distance", "statements up to it", "?"),
))  # fmt: skip
MINED_ATTRIBUTES = Table("mined_attributes", "graph", "entity x attribute that its description states", ("qid", "category", "value"), (
    QID,
    text("category", "kind of attribute", allowed=ATTRIBUTE_CATEGORIES),
    text("value", "the words for it, in lower case"),
    text("phrase", "attribute as words before or after the name"),
    _c("leads", "BOOLEAN", "whether these words go before the name"),
    text("description", "the English description that says so"),
))  # fmt: skip
ATTRIBUTES = Table("attributes", "graph", "entity x visual attribute", ("qid", "category", "value"), (
    QID,
    text("category", "kind of attribute", allowed=ATTRIBUTE_CATEGORIES),
    text("value", "name of the value"),
    text("value_qid", "Wikidata id of the value", "?"),
    text("property_id", "Wikidata property", "?"),
    text("source", "who says so", allowed=ATTRIBUTE_SOURCES),
    text("source_qid", "item on which it is stated, or whose description was mined"),
    whole("distance", "statements from the entity up to that item; 0 is the entity itself"),
    text("statement_id", "id of the statement", "?"),
    text("rank", "its rank", "?", ("preferred", "normal")),
    whole("place", "order within the category, from 1"),
    text("phrase", "attribute as words before or after the name, e.g. 'red', 'made of wood', 'with wing'"),
    text("attribute_type_query", "attribute with the natural type, e.g. 'red fruit'", "?"),
    text("attribute_noun_query", "attribute with the entity's name, e.g. 'red apple'"),
))  # fmt: skip
GENERATED_ATTRIBUTES = Table("generated_attributes", "graph", "entity that a language model is asked about", ("qid",), (
    QID, *MODEL_ANSWER,
    _c("attributes", GENERATED, "attributes of the answer that were taken, in its order"),
    _c("dropped", DROPPED, "values of the answer that were not taken, each with the reason"),
    *MODEL_WORDS,
))  # fmt: skip
ATTRIBUTE_COVERAGE = Table("attribute_coverage", "graph", "source or category of attributes, and their totals", ("kind", "name"), (
    text("kind", "what is counted", allowed=("total", "source", "category")),
    text("name", "which source or category; 'all' of the totals"),
    whole("attributes", "attributes"),
    whole("entities", "entities of the study"),
    whole("with_one", "of these, with at least one such attribute"),
    whole("with_three", "with at least three"),
    number("share_with_one", "share of the entities, 0 to 1"), number("share_with_three", "share of the entities, 0 to 1"),
))  # fmt: skip
ENTITY_CHANGES = Table("entity_changes", "graph", "entity that differs from the last sealed round", ("qid", "change"), (
    QID,
    text("change", "what happened", allowed=("added", "removed", "merged", "relabelled", "retyped", "moved")),
    text("previous", "value in the last sealed round: a name, the id of a type, the ids of parents", "?"),
    text("current", "value now; of a merged one, the id it was merged into", "?"),
    text("words", "the same as a sentence"),
))  # fmt: skip
GRAPH_INTEGRITY = Table("graph_integrity", "graph", "fault found in the graph", ("finding", "qid", "detail"), (
    text("finding", "kind of fault", allowed=FINDINGS),
    QID,
    text("detail", "what exactly"),
))  # fmt: skip
BENCHMARK_PARTS = ("test", "train")  # what is scored, and what probes and few-shot may learn from
BENCHMARK_IMAGES = Table("benchmark_images", "benchmarks", "held-out picture", ("benchmark", "image_id"), (
    BENCHMARK, IMAGE,
    text("class_id", "class it shows: a Wikidata id where there is one"),
    text("class_name", "name of that class"),
    text("source_class", "what the source itself calls the class, where several come to one", "?"),
    text("part", "whether it is scored or learnt from by protocols that learn; neither is ever trained on", allowed=BENCHMARK_PARTS),
    text("image_url", "where it came from"),
    text("path", "stored picture, relative to the lake"),
    _c("phash", "UBIGINT", "64-bit perceptual hash (DCT)"),
    _c("dhash", "UBIGINT", "64-bit difference hash"),
    whole("width_px", "width"), whole("height_px", "height"),
))  # fmt: skip
QUERIES = Table("queries", "queries", "search string", ("query_id",), (
    QUERY,
    text("text", "what is searched for"),
    text("kind", "how it was phrased; item is the entity itself, for providers that ask by id", allowed=(*QUERY_KINDS, "item")),
    QID,
    text("value_qid", "attribute value it asks for", "?"),
    text("natural_type", "natural type, which tells entities of one name apart", "?"),
    text("style", "what sort of picture it asks for, of providers that can be asked so", allowed=STYLES),
    _c("or_terms", "VARCHAR[]", "other names of the same thing, for providers that can be asked for either"),
    _c("exclude", "VARCHAR[]", "words that must not be there, for providers that can be asked so"),
    _c("identifiers", IDENTIFIERS, "of an item query: what the entity is called elsewhere, by Wikidata property"),
    text("published_kind", "kind of the published data set that it is the counterpart of", "?", allowed=PUBLISHED_KINDS),
    whole("priority", "1 is asked first; 0 is the item query, which costs no budget"),
), "slices")  # fmt: skip
SEARCH_PAGES = Table("search_pages", "hits", "answer page, kept verbatim", ("query_id", "provider", "page"), (
    QUERY,
    text("provider", "search provider"),
    whole("page", "page number, from 1"),
    QID,
    text("query_text", "what was searched for"),
    text("query_kind", "how it was phrased"),
    text("request_url", "address asked with its parameters, without a key"),
    text("request_id", "hash of the request, by which a changed one is known", "?"),
    text("outcome", "what came of asking", allowed=(*DOWNLOAD_OUTCOMES, "bad_answer")),
    text("reason", "why it is not ok", "?"),
    text("body", "the answer as received", "?"),
    ASKED,
    text("fetched_at", "when it was asked, ISO 8601", "~"),
), "slices")  # fmt: skip
TABLE_ROW = (  # what a table of pictures says in a row
    text("source", "file and row"),
    text("image_url", "address of the picture"),
    text("page_url", "page that shows it", "?"),
    text("alt_text", "words that the table has for it", "?"),
    text("page_text", "description in the table beside them", "?"),
    text("title", "title in the table", "?"),
    text("licence", "licence as stated", "?"),
    text("licence_url", "its text", "?"),
    text("author", "author as stated", "?"),
    whole("width_px", "width as stated", "?"), whole("height_px", "height as stated", "?"),
)  # fmt: skip
TABLE_HITS = Table("table_hits", "hits", "row of a table of pictures that is about an entity", ("query_id", "provider", "rank"), (
    QUERY, text("provider", "table of pictures"), whole("rank", "place among the rows of the query, from 1"),
    QID,
    text("query_text", "what was searched for"),
    text("query_kind", "how it was phrased"),
    *TABLE_ROW,
), "slices")  # fmt: skip
IMPORTED_ROWS = Table("imported_rows", "hits", "row of a table of pictures that no search took", ("query_id", "provider", "rank"), (
    text("query_id", "hash of the table's name and address; in no row of queries"), text("provider", "table of pictures"),
    whole("rank", "place in the table, from 1"),
    *TABLE_ROW,
), "slices")  # fmt: skip
HITS = Table("hits", "hits", "ranked link of an answer page or of a table of pictures", ("query_id", "provider", "page", "rank"), (
    text("query_id", "hash of the search text and its options; of an imported row, of the table"), text("provider", "search provider"),
    whole("page", "page number, from 1; 0 is a table's row"),
    whole("rank", "place over all pages, from 1; of an imported row, its place in the table"),
    text("qid", "Wikidata id of the entity that was searched for; absent on an imported row", "?"),
    text("query_text", "what was searched for; empty on an imported row"),
    text("query_kind", "how it was phrased; import on an imported row"),
    URL,
    text("image_url", "address of the picture"),
    text("page_url", "page that shows it", "?"),
    text("alt_text", "alt text on that page", "?"),
    text("page_text", "what the page, or the provider, says of the picture in a description", "?"),
    text("title", "title given by the provider", "?"),
    text("licence", "licence: SPDX's name where it has one, else the words stated, else unknown"),
    text("licence_url", "its text", "?"),
    text("author", "author as stated", "?"),
    whole("width_px", "width as stated", "?"), whole("height_px", "height as stated", "?"),
    text("source", "file and row of a table of pictures", "?"),
), "slices")  # fmt: skip
URLS = Table("urls", "hits", "distinct picture address", ("url_id",), (
    URL,
    text("image_url", "address as first seen"),
    text("host", "its host"),
    text("licence", "licence of the best ranked hit: SPDX's name where it has one, or unknown", "?"),
    text("author", "author as stated by the best ranked hit", "?"),
    text("landing_url", "page of the best ranked hit", "?"),
    whole("hit_count", "hits that lead to it"),
), "slices")  # fmt: skip
YIELD_FORECAST = Table("yield_forecast", "hits", "entity x provider x licence", ("qid", "provider", "licence"), (
    QID, text("provider", "search provider"),
    text("licence", "any, or one licence of those that the provider can count apart"),
    whole("query_count", "queries behind the figure"),
    whole("pictures_available", "results that the provider reports for the noun or item query", "?"),
    whole("pictures_in_budget", "of any licence, how many the study's pages reach", "?"),
), "slices")  # fmt: skip
DOWNLOADS = Table("downloads", "images", "picture address tried, with its outcome", ("url_id",), (
    URL,
    text("image_url", "address"),
    text("host", "its host"),
    text("outcome", "what came of asking", allowed=DOWNLOAD_OUTCOMES),
    text("reason", "details of a failure", "?"),
    whole("http_status", "status of the last answer", "?"),
    text("content_type", "content type as stated", "?"),
    whole("size_bytes", "bytes as served", "?"),
    text("image_id", "sha256 of the bytes as served, if they are a picture", "?"),
    text("etag", "validator for a conditional request", "?"),
    text("last_modified", "validator for a conditional request", "?"),
    *(replace(column, nullable=True) for column in PICTURE),
    ROUND, ASKED,
    whole("tries", "requests made for it in the round in which it was last asked", "~"),
    text("fetched_at", "when it was last asked, ISO 8601", "~"),
    text("due_at", "when it is asked again after a failure that may pass, ISO 8601", "?~"),
), "slices")  # fmt: skip
IMAGES = Table("images", "images", "distinct picture", ("image_id",), (
    IMAGE,
    whole("size_bytes", "bytes as served"),
    *PICTURE,
    whole("url_count", "addresses that serve these bytes"),
    ROUND,
), "slices")  # fmt: skip
WEB_TEXTS = Table("web_texts", "curation", "text that the web has for a picture, kept or refused",
                  ("image_id", "source", "text", "page_url", "url_id"), (
    IMAGE,
    text("source", "where it stands", allowed=WEB_SOURCES),
    text("text", "the words: cleaned, or as found where they are refused, then their first 300 characters"),
    text("page_url", "page that says so; empty where the provider names none"),
    text("url_id", "the address of the picture that the page or the provider says it of"),
    text("reason", "rule after which no word was left; null where the text is kept", "?", REFUSALS),
    text("language", "ISO 639 code of the language, und where that is not sure; null where the text is refused", "?"),
), "slices")  # fmt: skip
IMAGE_TEXTS = Table("image_texts", "curation", "text that the web has for a picture",
                    ("image_id", "source", "text", "page_url", "url_id"), (
    IMAGE,
    text("source", "where it stands", allowed=WEB_SOURCES),
    text("text", "the words, cleaned"),
    text("page_url", "page that says so; empty where the provider names none"),
    text("url_id", "the address of the picture that the page or the provider says it of"),
    text("language", "ISO 639 code of the language, und where that is not sure"),
), "slices")  # fmt: skip
LIKENESS_PAIRS = Table("likeness_pairs", "curation", "two pictures that may be one", ("image_id", "earlier_id", "mirrored"), (
    IMAGE,
    text("earlier_id", "the other, which is before it by (round, image_id)"),
    _c("mirrored", "BOOLEAN", "whether one is held against the other seen in a mirror"),
    whole("phash_distance", "differing bits, 0 to 64"),
    whole("dhash_distance", "differing bits, 0 to 64"),
    number("correlation", "of their gradients, laid over each other, -1 to 1; absent where one has no thumbnail", "?"),
    number("hue_distance", "1 - cosine of their chroma, 0 to 2; absent where one is grey", "?"),
))  # fmt: skip
LIKENESS = Table("likeness", "curation", "picture with the earlier picture it repeats", ("image_id",), (
    IMAGE,
    text("representative_id", "the first picture of its group by (round, image_id)"),
    whole("phash_distance", "differing bits to the representative, 0 to 64"),
    whole("dhash_distance", "differing bits to the representative, 0 to 64"),
    number("correlation", "of gradients, with the representative's, -1 to 1"),
    number("hue_distance", "1 - cosine of their chroma, 0 to 2; absent where one is grey", "?"),
    _c("mirrored", "BOOLEAN", "whether the representative is seen in a mirror"),
    whole("url_count", "addresses that serve it"), whole("representative_url_count", "addresses that serve the representative"),
))  # fmt: skip
ENCODER = (
    text("encoder", "the study's encoder"),
    text("encoder_sha256", "sha256 of its weights, as the study says"),
    _c("vector", "FLOAT[]", "unit-norm embedding"),
)
PROMPTS = Table("prompts", "curation", "text that pictures are held against", ("kind", "name", "text"), (
    text("kind", "a name of an entity, what a screen looks for, or what it sets that against", allowed=("entity", "screen", "contrast")),
    text("name", "Wikidata id of the entity, or name of the screen"),
    text("text", "the words as the encoder reads them"),
    *ENCODER,
))  # fmt: skip
EMBEDDINGS = Table("embeddings", "curation", "picture x encoder", ("image_id", "encoder"), (
    IMAGE, *ENCODER,
    number("relevance", "cosine to the best name of the entity it shows best", "?"),
), "slices")  # fmt: skip
CLASSIFIER_SCORES = Table("classifier_scores", "curation", "picture x screen that has a classifier", ("image_id", "screen"), (
    IMAGE,
    text("screen", "name of the screen"),
    text("classifier", "function that scored it, as the study says: package.module:function"),
    text("version", "identity of its weights, as the study says"),
    number("score", "what it answered; higher for more of what is looked for"),
), "slices")  # fmt: skip
SCREENS = Table("screens", "curation", "picture x screen", ("image_id", "scored_by", "screen"), (
    IMAGE,
    text("scored_by", "the study's encoder, or classifier@version"),
    text("screen", "name of the screen"),
    number("score", "cosine to the nearest prompt of the screen, less that to the nearest of its contrast; or the classifier's"),
    text("prompt", "that nearest prompt of the screen; or the classifier"),
), "slices")  # fmt: skip
BLOCKED_IMAGES = Table("blocked_images", "curation", "picture that is on the study's blocklist", ("image_id", "entry"), (
    IMAGE,
    text("entry", "the hash as the list has it, its kind before it: sha256:... or phash:..."),
    whole("distance", "differing bits, 0 to 64; 0 for equal bytes"),
    text("note", "what the list says of it", "?"),
), "slices")  # fmt: skip
BENCHMARK_EMBEDDINGS = Table("benchmark_embeddings", "curation", "distinct held-out picture", ("image_id", "encoder"), (
    IMAGE, *ENCODER,
))  # fmt: skip
LEAKS = Table("leaks", "curation", "picture that is a benchmark's", ("image_id", "benchmark", "benchmark_image_id"), (
    IMAGE, BENCHMARK,
    text("benchmark_image_id", "the held-out picture it shows"),
    text("found_by", "what gives it away", allowed=("hash", "embedding", "both")),
    whole("phash_distance", "differing bits, 0 to 64"),
    whole("dhash_distance", "differing bits, 0 to 64"),
    number("cosine", "between the embeddings of the two, where both have one", "?"),
), "slices")  # fmt: skip
LEAK_REPORT = Table("leak_report", "curation", "benchmark x search that brought its pictures", ("benchmark", "query_id", "provider"), (
    BENCHMARK,
    text("query_id", "the search; empty on the row of a benchmark that nothing leaked of"),
    text("provider", "who answered it; empty likewise"),
    text("status", "what came of the benchmark", allowed=("leaked", "clean", "no_held_out_pictures")),
    text("qid", "entity searched for", "?"), text("label", "its name", "?"),
    text("query_text", "what was searched for", "?"), text("query_kind", "how it was phrased", "?"),
    whole("images", "distinct pictures that the search brought"),
    whole("leaked", "of these, the benchmark's"),
    whole("by_hash", "of these, told by their hashes"), whole("by_embedding", "of these, told by their embeddings"),
    whole("held_out", "pictures of the benchmark that they show; on a row without a search, all it has"),
    text("example_image_id", "one of them", "?"), text("example_held_out_id", "the held-out picture that it shows", "?"),
))  # fmt: skip
VERDICTS = Table("verdicts", "curation", "picture x rule", ("image_id", "rule"), (
    IMAGE,
    text("rule", "the rule", allowed=RULES),
    text("verdict", "what it says", allowed=("keep", "reject", "not_judged")),
    text("reason", "why", "?"),
    number("measure", "what was measured", "?"),
    number("threshold", "what it was held against", "?"),
), "slices")  # fmt: skip
KEPT_IMAGES = Table("kept_images", "curation", "picture that no rule rejects", ("image_id",), (
    IMAGE,
    text("path", "stored JPEG, relative to the lake"),
    text("stored_sha256", "sha256 of the stored JPEG"),
    whole("width_px", "width as stored"), whole("height_px", "height as stored"),
    ROUND,
), "slices")  # fmt: skip
ENTITY_REPORT = Table("entity_report", "curation", "entity with what became of its harvest", ("qid",), (
    QID, text("label", "display name"),
    whole("queries", "search strings"), whole("hits", "ranked links"), whole("urls", "distinct links"),
    whole("downloaded", "links that gave a picture"), whole("images", "distinct pictures"),
    whole("kept", "pictures kept"), whole("rejected", "pictures rejected"),
    whole("duplicates", "pictures that repeat an earlier one"),
    _c("rejected_by", COUNTS, "pictures rejected, by rule; one that two rules reject counts under both"),
    whole("web_texts", "texts that the web has for kept pictures, each once a picture and source"),
    whole("with_text", "kept pictures that have one"), whole("graph_texts", "texts that the graph has for it"),
    _c("providers", COUNTS, "kept pictures by search provider"),
    whole("host_count", "hosts that serve kept pictures"), _c("hosts", COUNTS, "kept pictures by host, the ten with the most"),
    _c("licences", COUNTS, "kept pictures by licence as stated"),
))  # fmt: skip
BRANCH_REPORT = Table("branch_report", "curation", "branch of the hierarchy with what became of its entities' harvest", ("branch_qid",), (
    text("branch_qid", "a root of the study, or a class that an entity is below"), text("branch_label", "its name"),
    text("root_qid", "nearest of the roots that it is at or below", "?"), text("root_label", "its name", "?"),
    whole("depth", "statements from it up to that root; 0 is a root", "?"),
    whole("entities", "entities at or below it"),
    whole("thin", "of these, with fewer kept pictures than curation.thin_pictures"), number("thin_share", "share of the entities, 0 to 1"),
    whole("empty", "with no kept picture"),
    whole("kept_min", "kept pictures of the entity with the fewest"), number("kept_median", "kept pictures of the entity in the middle"),
    whole("images", "distinct pictures of each entity, summed over entities, as all that follows"),
    whole("kept", "pictures kept"), whole("rejected", "pictures rejected"), whole("duplicates", "pictures that repeat an earlier one"),
    _c("rejected_by", COUNTS, "pictures rejected, by rule"),
    whole("web_texts", "texts that the web has for kept pictures"), whole("graph_texts", "texts that the graph has for the entities"),
    _c("providers", COUNTS, "kept pictures by search provider"), _c("licences", COUNTS, "kept pictures by licence as stated"),
))  # fmt: skip
BENCHMARK_CLASSES = Table("benchmark_classes", "curation", "held-out class with what became of its harvest", ("benchmark", "class_id"), (
    BENCHMARK,
    text("class_id", "class: a Wikidata id where there is one"), text("class_name", "name of that class"),
    whole("source_classes", "classes of the source that come to it"),
    text("status", "how it meets the study's entities", allowed=("joined", "no_entity", "no_pictures")),
    whole("held_out", "held-out pictures"),
    whole("queries", "search strings of the entity"), whole("hits", "ranked links"), whole("kept", "pictures kept"),
    number("min_coverage", "share of the source's classes that must be joined"),
))  # fmt: skip
ENTITY_NAMES = Table("entity_names", "labels", "name of an entity that texts are searched for", ("name", "qid"), (
    text("name", "the name as tokens with blanks between; where no word is in it, as written"),
    QID,
    text("kind", "what calls it so; of several the surest", allowed=("label", "taxon_name", "common_name", "alias")),
    text("reason", "why it is not linked by itself", "?", allowed=("no_word", "only_digits", "stop_word", "too_short")),
))  # fmt: skip
MENTION_KEY = ("image_id", "text_id", "begin_char", "qid")
MENTIONS = Table("mentions", "labels", "picture x name in a text of it x entity so called", MENTION_KEY, (
    IMAGE,
    text("text_id", "sha256 of the text as image_texts has it"),
    whole("begin_char", "where the name begins in the text"), whole("end_char", "where it ends"),
    text("surface", "the name as written there"),
    text("name", "the name as entity_names has it"),
    QID,
    number("context", "share of the words around it that speak for the entity among all so called, 0 to 1", "?"),
), "slices")  # fmt: skip
ENTITY_VECTORS = Table("entity_vectors", "labels", "entity as the encoder sees its name and description", ("qid",), (
    QID,
    text("encoder", "the study's encoder"), text("encoder_sha256", "its weights"),
    text("text", "what was embedded: name: description"),
    _c("vector", "FLOAT[]", "unit-norm embedding"),
))  # fmt: skip
LINK_SCORES = (
    number("prior", "how often the name means the entity among all so called, 0 to 1", "?"),
    number("context", "share of the words around the name that speak for it, 0 to 1", "?"),
    number("searched", "whether a search for it, rather than for another so called, found the picture, 0 to 1", "?"),
    number("image", "how the picture's cosine to name: description stands out among entities, 0 to 1", "?"),
)
ENTITY_LINKS = Table("entity_links", "labels", "picture x entity that a text of it may name", ("image_id", "qid"), (
    IMAGE, QID,
    text("surface", "the name as written in the text that speaks best for it"),
    text("name", "the name as entity_names has it"),
    text("text_id", "sha256 of that text"), whole("begin_char", "where the name begins in it"),
    whole("mentions", "how often texts of the picture name it"),
    *LINK_SCORES[:3],
    number("cosine", "of the picture to name: description", "?"),
    LINK_SCORES[3],
    number("score", "weighted mean of prior, context, searched and image, of those that are known"),
    whole("place", "rank among the entities so called, 1 is meant"),
), "slices")  # fmt: skip
LABEL_TAIL = Table("label_tail", "labels", "entity with what linking leaves of its pictures", ("qid",), (
    QID, text("label", "display name"),
    whole("named", "pictures of which a text names it rather than another so called"),
    number("threshold", "score from which they are linked, lower for an entity with few"),
    whole("linked", "of these pictures, those that are linked"),
    whole("at_min_score", "those that one threshold for all, min_score, would link"),
    _c("tail", "BOOLEAN", "whether it is named by fewer than tail_pictures"),
))  # fmt: skip
IMAGE_ENTITIES = Table("image_entities", "labels", "picture x entity with evidence", ("image_id", "qid", "evidence", "query_id"), (
    IMAGE, QID,
    text("evidence", "why we believe it: a search for it found the picture, or a text of the picture names it", allowed=("query", "text")),
    QUERY,
    text("query_text", "search that found it"),
    whole("rank", "its best place in that search", "?"),
    number("score", "strength of the evidence, 0 to 1"),
    *LINK_SCORES,
    number("threshold", "of a text: what the score was held against", "?"),
), "slices")  # fmt: skip
VOCABULARY_REASONS = ("no_pictures", "too_few_pictures", "no_entity")
LABEL_VOCABULARY = Table("label_vocabulary", "labels", "entity as a class of the entity classifier", ("qid",), (
    whole("class_index", "index of the class, from 0, once given never changed; none if it never had pictures enough", "?"),
    QID, text("label", "display name"),
    whole("image_count", "kept pictures with it"),
    text("reason", "why it is no class to train on", "?", allowed=VOCABULARY_REASONS),
))  # fmt: skip
SAMPLES = Table("samples", "shards", "packed picture", ("image_id",), (
    IMAGE, SHARD,
    whole("shard_index", "place in the tar, from 0"),
    text("path", "stored JPEG, relative to the lake"),
    text("stored_sha256", "sha256 of the stored JPEG"),
    ROUND,
), "slices")  # fmt: skip
SHARDS = Table("shards", "shards", "tar of pictures", ("shard",), (
    SHARD,
    text("path", "tar, relative to the lake"),
    text("sha256", "sha256 of the tar"),
    whole("sample_count", "pictures in it"), whole("size_bytes", "its size"),
    text("members_digest", "hash over its members in order; a tar with this digest is never written again"),
), "slices")  # fmt: skip
TOMBSTONES = Table("tombstones", "shards", "picture taken down", ("image_id",), (
    IMAGE,
    text("reason", "why"),
    text("requested_by", "who asked", "?"),
    text("takedown_id", "request that it belongs to", "?"),
    _c("url_ids", "VARCHAR[]", "addresses that gave it, which are not asked again", "?"),
    _c("purged", "BOOLEAN", "whether its bytes were destroyed"),
    text("taken_down_at", "when, ISO 8601", "~"),
))  # fmt: skip
RELEASE = Table("release", "shards", "shard of the release", ("shard",), (
    text("release_id", "hash over shards and skipped pictures"),
    SHARD,
    text("tar_path", "tar, relative to the lake"),
    text("tar_sha256", "sha256 of the tar"),
    whole("size_bytes", "size of the tar"),
    whole("sample_count", "pictures in the tar"),
    whole("skipped_count", "of these, taken down or no longer kept"),
    text("texts_path", "sidecar of words, relative to the lake"),
    text("texts_digest", "content digest of the sidecar"),
    text("skip_path", "keys that loaders never yield, relative to the lake"),
    text("skip_digest", "content digest of that list"),
))  # fmt: skip
SUBRELEASES = Table("subreleases", "shards", "named part of the release", ("subrelease",), (
    text("subrelease", "its name in the study"),
    text("release_id", "release that it is a part of"),
    text("predicate", "what its pictures have, as JSON"),
    whole("picture_count", "pictures in it"),
    text("keep_path", "keys of its pictures, relative to the lake"),
    text("skip_path", "keys of all other pictures in the tars, which loaders never yield, relative to the lake"),
    text("skip_digest", "content digest of that list"),
))  # fmt: skip
QUERY_TEXTS = Table("query_texts", "mixes", "text that a query gives its pictures", ("query_id", "source", "text"), (
    QUERY,
    text("source", "what the text is", allowed=QUERY_SOURCES),
    text("text", "the words"),
))  # fmt: skip
ANCESTOR_TEXTS = Table("ancestor_texts", "mixes", "entity x name of a class above it", ("qid", "text"), (
    QID,
    text("text", "the words"),
    whole("distance", "statements up to the nearest class so called, from 1"),
))  # fmt: skip
CAPTION_LINKS = Table("caption_links", "mixes", "picture x entity x query by which it comes to words", ("image_id", "qid", "query_id"), (
    IMAGE, QID,
    text("query_id", "query; empty where no query that is asked led there"),
    text("query_kind", "how it was phrased, or linked; with _living for what has a taxon name"),
), "slices")  # fmt: skip
CAPTION_MIXES = Table("caption_mixes", "mixes", "mix x kind of query x source", ("mix", "query_kind", "source"), (
    MIX,
    text("query_kind", "kind of query that leads to the text; empty for texts of the web, and for a mix without kinds"),
    text("source", "where a caption comes from"),
    number("weight", "weight in the study"),
    number("effective_share", "share of captions drawn from it, given which texts the pictures have"),
    whole("image_count", "pictures that have such a text"),
))  # fmt: skip
MIX_BALANCE = Table("mix_balance", "mixes", "mix", ("mix",), (
    MIX,
    text("balance", "which pictures an epoch has", allowed=("none", "threshold", "per_entity")),
    whole("most", "pictures of an entity from which on some are left out", "?"),
    whole("image_count", "pictures with a text of the mix"),
    number("images_per_epoch", "expected pictures of an epoch"),
    number("tail_share", "share of pictures' entities that have no more pictures than that, 0 to 1", "?"),
    number("tail_share_per_epoch", "the same among the pictures of an epoch, expected", "?"),
))  # fmt: skip
TEACHER = (
    text("teacher", "the teacher, as the study calls it"),
    text("teacher_sha256", "sha256 of its weights, as the study says"),
)
REINFORCEMENTS = Table("reinforcements", "mixes", "picture x teacher x augmentation", ("image_id", "teacher", "augmentation"), (
    IMAGE, *TEACHER,
    whole("augmentation", "which of the cuts of the picture, from 0"),
    number("crop_scale_min", "least share of the picture's area that a cut may have"),
    whole("left_px", "left side of the cut in the stored JPEG"), whole("top_px", "its upper side"),
    whole("right_px", "its right side, exclusive"), whole("bottom_px", "its lower side, exclusive"),
    _c("vector", "FLOAT[]", "unit-norm embedding of the cut"),
), "slices")  # fmt: skip
TEACHER_TEXTS = Table("teacher_texts", "mixes", "text x teacher", ("text", "teacher"), (
    text("text", "the words as the teacher reads them"), *TEACHER,
    _c("vector", "FLOAT[]", "unit-norm embedding of the text"),
), "slices")  # fmt: skip
CHECKPOINTS = Table("checkpoints", "training", "recipe x step", ("recipe", "step"), (
    RECIPE, STEP, MIX,
    text("tower", "model"), whole("seed", "seed"),
    text("release_id", "release it was trained on"),
    text("spec_fingerprint", "identity of the run"),
    text("path", "export in open_clip layout, relative to the lake"),
    text("export_sha256", "sha256 of its weights"),
    whole("samples_seen", "pictures seen"),
    number("loss_first", "training loss of the first step, nats", "?"), number("loss_last", "training loss of the last step, nats", "?"),
    whole("parameters", "trainable parameters"), whole("world_size", "processes"),
    number("images_per_s", "throughput over all processes", "?~"),
), "recipes")  # fmt: skip
PREDICTIONS = Table("predictions", "scores", "checkpoint x held-out picture", ("recipe", "step", "benchmark", "image_id"), (
    RECIPE, STEP, BENCHMARK, IMAGE,
    text("class_id", "class it shows"), text("predicted_class_id", "class ranked first"),
    whole("rank_of_true", "rank of the true class, from 1"),
), "recipes")  # fmt: skip
SCORES = Table("scores", "scores", "checkpoint x benchmark x metric", ("recipe", "step", "benchmark", "protocol", "metric"), (
    RECIPE, STEP, BENCHMARK,
    text("protocol", "how it was measured"), text("metric", "what was measured"),
    number("value", "the figure, 0 to 1"),
    number("low", "lower end of its 95 % interval (bootstrap over pictures or queries, percentiles)"), number("high", "upper end"),
    whole("count", "pictures or queries behind it"),
    number("chance", "value of guessing", "?"),
    text("settings", "what else makes the figure: prompts, names, self match, shots, probe"),
), "recipes")  # fmt: skip
LEADERBOARD = Table("leaderboard", "scores", "recipe", ("recipe",), (
    whole("place", "1 is best"), RECIPE, STEP, MIX, text("tower", "model"), whole("seed", "seed"),
    whole("samples_seen", "pictures seen"), text("release_id", "release it was trained on"),
    number("acc1", "zero-shot accuracy, mean over benchmarks"),
    number("mean_per_class_recall", "zero-shot recall, mean over classes and benchmarks"),
    number("times_chance", "acc1 over the accuracy of guessing"),
    number("acc1_low", "lower end of its 95 % interval (Wilson)"), number("acc1_high", "upper end"),
))  # fmt: skip
FLOORS = Table("floors", "scores", "benchmark x floor x metric", ("benchmark", "floor", "metric"), (
    BENCHMARK,
    text("floor", "what a trained model has to beat", allowed=("chance", "colour_hog")),
    text("metric", "what was measured", allowed=("acc1", "mean_per_class_recall")),
    number("value", "the figure, 0 to 1"),
    whole("count", "held-out pictures behind it"),
    whole("train_count", "pictures learnt from"),
    whole("classes", "classes to tell apart"),
))  # fmt: skip
ENTITY_SCORES = Table("entity_scores", "scores", "checkpoint x benchmark x entity", ("recipe", "step", "benchmark", "qid"), (
    RECIPE, STEP, BENCHMARK, QID, text("label", "display name"),
    whole("count", "held-out pictures of it"), number("recall", "share of them ranked first"),
    number("mean_rank", "mean rank of the true class"),
))  # fmt: skip
CONFUSION_KEY = ("recipe", "step", "benchmark", "class_id", "predicted_class_id")
CONFUSIONS = Table("confusions", "scores", "checkpoint x benchmark x pair of classes", CONFUSION_KEY, (
    RECIPE, STEP, BENCHMARK,
    text("class_id", "class shown"), text("predicted_class_id", "class ranked first"),
    whole("count", "held-out pictures so confused"),
    whole("kinship", "statements from either to their nearest common ancestor, summed", "?"),
))  # fmt: skip
HARVEST_PLAN = Table("harvest_plan", "scores", "entity to search more for", ("qid",), (
    QID, text("label", "display name"),
    whole("place", "1 is the most urgent"),
    number("recall", "best recipe's recall on it", "?"), whole("kept", "pictures kept"),
    whole("extra_queries", "queries to add to its budget in the next round"),
    text("reason", "why", allowed=("weak", "few_pictures", "weak_and_few_pictures", "enough")),
))  # fmt: skip

TABLES: dict[str, Table] = {value.name: value for value in list(globals().values()) if isinstance(value, Table)}

# Tables that a later round reads as `previous_<name>`: the last sealed round's file, empty before the first seal.
SEALED = ("entities", "harvest_plan")


def previous(table: Table) -> Table:
    """Return the contract of `previous_<table>`: same columns, whole, a source and never an asset of this round."""
    return Table(
        f"previous_{table.name}", table.room, f"{table.grain}, in the last sealed round", table.key, table.columns
    )


PREVIOUS: dict[str, Table] = {f"previous_{name}": previous(TABLES[name]) for name in SEALED}
