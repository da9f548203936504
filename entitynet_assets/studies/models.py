"""What a study may say, and how it is read: one TOML file, checked whole before any work.

Belongs here: the shape of a study, its limits, its error messages. Does not belong here: paths, hosts, tokens, worker
counts (environment, read by resources.py), or any choice itself (the TOML files beside this module).
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from entitynet_assets.tables import QUERY_KINDS
from entitynet_train.spec import (
    CLASSIFIER,
    CLASSIFIER_FORM,
    POOLS,
    PROTOCOLS,
    TEXT_SOURCES,
    TOWERS,
    CaptionMix,
    LossSpec,
    SpecError,
    allowed_towers,
)

HERE = Path(__file__).parent
# Providers, one file each in hits/providers/; a test holds the lists together. Those asked by an entity's id, not by words:
ASKED_BY_ITEM = ("commons_statements", "commons_category", "commons_depicts", "gbif", "inaturalist")
TABLES_OF_PICTURES = ("inaturalist", "table")  # read off files of this machine, asked of nobody
PROVIDERS = (
    "sample",
    "folder",
    "commons",
    "openverse",
    "flickr",
    "europeana",
    "brave",
    "table",
    *ASKED_BY_ITEM,
    "serpapi",
    "serper",
)
RISKS = {
    "serpapi": "it reads the results off Google's pages, and Google v. SerpApi (filed December 2025) is about just that",
    "serper": "it reads the results off Google's pages; a lawsuit against another such vendor is pending",
}  # off unless the study says accept_risk
COLUMNS = (
    "url",
    "text",
    "page_text",
    "title",
    "page_url",
    "licence",
    "licence_url",
    "author",
    "width",
    "height",
    "qid",
)
# Classes so abstract that "a photo of a" says nothing: entity, object, physical and concrete object, and the like; then
# the kinds of class that items are stated to be instances of.
ABSTRACT = (
    "Q35120", "Q488383", "Q223557", "Q4406616", "Q7048977", "Q7184903", "Q58415929", "Q58416391", "Q53617407", "Q53617489",
    "Q23958946", "Q16686448", "Q8205328", "Q99527517", "Q28813620", "Q20937557", "Q830077", "Q151885", "Q6671777",
    "Q5127848", "Q16889133", "Q21146257", "Q23960977", "Q19478619", "Q23958852", "Q24017414", "Q24017465", "Q16521",
)  # fmt: skip
Qid = Annotated[str, Field(pattern=r"^Q[1-9]\d*$")]
Pid = Annotated[str, Field(pattern=r"^P[1-9]\d*$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,60}$")]


class StudyError(ValueError):
    """A study that cannot be used: one line per fault, each with the key's path, what was found, what is allowed."""


class Section(BaseModel):
    """A part of a study: unknown keys are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(Section):
    """Which entities: roots with what is below them, or items by id; languages, limits. `limit` 0 means all.

    P31 among the relations adds the instances of a class and goes no further; without it named individuals stay out.
    Of an item named in `items` nothing below is taken; what is above it is read for its natural type and is no entity.
    `skip_types` are never a natural type. A branch with more than `max_branch_share` of a root's entities, and at least
    `min_branch_entities`, is a finding. `visual` = "rules" leaves out what no photograph would show, by the rules of visuality;
    "judge" lets a language model overrule them.
    """

    roots: list[Qid] = []
    items: list[Qid] = []
    relations: Annotated[list[Pid], Field(min_length=1)] = ["P279", "P171"]
    exclude: list[Qid] = []
    languages: Annotated[list[str], Field(min_length=1)] = ["en", "mul"]
    min_sitelinks: Annotated[int, Field(ge=0)] = 5
    need_image: bool = False
    exclude_having: list[Pid] = []
    leaves_only: bool = False
    limit: Annotated[int, Field(ge=0)] = 0
    skip_types: list[Qid] = list(ABSTRACT)
    max_branch_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    min_branch_entities: Annotated[int, Field(ge=1)] = 100
    visual: Literal["off", "rules", "judge"] = "off"
    attributes_per_category: Annotated[int, Field(ge=1)] = 10

    @model_validator(mode="after")
    def _someone(self) -> Scope:
        if not self.roots and not self.items:
            raise ValueError("found neither roots nor items; name at least one root (roots) or one item (items) by id")
        return self


class Graph(Section):
    """Where items come from: a SPARQL endpoint with an item API, or a JSON dump."""

    source: Literal["sparql", "dump"]
    sparql: str = ""
    api: str = ""
    dump: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Graph:
        need = {"sparql": ("sparql", "api"), "dump": ("dump",)}[self.source]
        for key in need:
            if not getattr(self, key):
                raise ValueError(f"graph.{key} is empty; graph.source = {self.source!r} needs {' and '.join(need)}")
        return self


class LanguageModel(Section):
    """An OpenAI-compatible endpoint that is asked whether members can be seen (`judge`) and what entities look like (`attributes`).

    `max_calls` limits the requests of one run, repeated ones too; `max_tokens` is the length of an answer, `per_category` the
    attributes of one kind. A key comes from the environment (resources.py) and is no part of an address.
    """

    address: str
    model: Annotated[str, Field(min_length=1)]
    judge: bool = False
    attributes: bool = False
    max_calls: Annotated[int, Field(ge=1)] = 1000
    max_tokens: Annotated[int, Field(ge=50)] = 800
    per_category: Annotated[int, Field(ge=1, le=20)] = 5
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0

    @field_validator("address")
    @classmethod
    def _plain(cls, address: str) -> str:
        if fault := address_fault(address):
            raise ValueError(fault)
        return address


def address_fault(address: str) -> str | None:
    """Return what is wrong with the address of a language model, without repeating what may be a key; None if nothing is."""
    parts = urlsplit(address)
    if "@" in address or parts.query or parts.fragment:
        return "found a user name, a query or a fragment in the address; allowed: http(s)://host/path, and a key by the environment"
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return f"found {address!r}; allowed: http(s)://host/path, as in http://127.0.0.1:8000/v1"
    return None


class Web(Section):
    """Manners on the network; `ports` are those of addresses that searches find, `private_hosts` need not be public (docs/web.md)."""

    contact: str  # an address by which hosts reach the operator; may be empty where ENTITYNET_CONTACT names it
    per_host: Annotated[int, Field(ge=1, le=32)] = 2
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    max_bytes: Annotated[int, Field(ge=1000)] = 50_000_000
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    ports: Annotated[list[Annotated[int, Field(ge=1, le=65535)]], Field(min_length=1)] = [80, 443]
    private_hosts: list[str] = []


class Sample(Section):
    """The world that a study of the sample reads, served by this machine; each value is one of `make_world`."""

    entities: Annotated[int, Field(ge=1, le=1_000_000)] = 48
    pictures: Annotated[int, Field(ge=0)] = 12
    holdout: Annotated[int, Field(ge=1)] = 8
    search_precision: Annotated[float, Field(ge=0, le=1)] = 0.9
    alt_noise: Annotated[float, Field(ge=0, le=1)] = 0.2
    seed: int = 0


class Queries(Section):
    """How entities become searches; `per_entity` is the budget, extra queries of a harvest plan come on top.

    `style`, `or_terms` (at most so many other names beside the noun) and `exclude` reach providers that can be asked so.
    `words` is a file of words, one a line: those that name an entity are queries of kind `word`.
    """

    kinds: Annotated[list[str], Field(min_length=1)] = ["noun"]
    per_entity: Annotated[int, Field(ge=1)] = 10
    style: Literal["any", "photo"] = "any"
    or_terms: Annotated[int, Field(ge=0, le=20)] = 0
    exclude: list[str] = []
    words: str = ""

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: list[str]) -> list[str]:
        return [_one_of(kind, QUERY_KINDS) for kind in kinds]

    @model_validator(mode="after")
    def _listed(self) -> Queries:
        if "word" in self.kinds and not self.words:
            raise ValueError("kinds has 'word', and words is empty; name a file of words, one a line, in queries.words")
        return self


class Folder(Section):
    """Photographs on this machine, asked at folder://<name>/: trees of class folders, and a table that maps classes to items.

    Paths are absolute or relative to ENTITYNET_DATA. `held_out_share` of each class is in the manifest and in no search.
    """

    name: Name
    trees: Annotated[list[str], Field(min_length=1)]
    classes: str = ""
    held_out_share: Annotated[float, Field(ge=0, lt=1)] = 0.3


class Provider(Section):
    """One image search or table of pictures: how many pages of how many results.

    `address` is for a search that has none of its own, and the file or folder of a table. Of a paid search `price_per_1000`
    calls is what `entitynet plan` reckons with, and no more than `max_paid_calls` are ever made. `forecast_licences` are
    counted apart, each by a call of its own. `columns` names the columns of a table that are not known by their names.
    `link_all` takes also the rows of a table that no search took, at most `max_rows` of them (0: all), to be linked by their texts.
    """

    name: str
    address: str = ""
    pages: Annotated[int, Field(ge=1)] = 1
    per_page: Annotated[int, Field(ge=1, le=500)] = 50
    accept_risk: bool = False
    price_per_1000: Annotated[float, Field(ge=0)] = 0.0
    max_paid_calls: Annotated[int, Field(ge=0)] = 0
    forecast_licences: list[str] = []
    columns: dict[str, str] = {}
    link_all: bool = False
    max_rows: Annotated[int, Field(ge=0)] = 0

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return _one_of(name, PROVIDERS)

    @field_validator("columns")
    @classmethod
    def _named(cls, columns: dict[str, str]) -> dict[str, str]:
        return {_one_of(role, COLUMNS): name for role, name in columns.items()}

    @model_validator(mode="after")
    def _allowed(self) -> Provider:
        if self.name in RISKS and not self.accept_risk:
            raise ValueError(
                f"{self.name} is off: {RISKS[self.name]}; to use it at your own risk add accept_risk = true"
            )
        if self.price_per_1000 and not self.max_paid_calls:
            raise ValueError(
                f"price_per_1000: found {self.price_per_1000:g} without a cap; say max_paid_calls, the most that may be made"
            )
        if self.name in TABLES_OF_PICTURES and (not self.address or "://" in self.address):
            raise ValueError(
                f"address: found {self.address!r}; {self.name} needs a file or folder of this machine (fetch what lies elsewhere first)"
            )
        if self.link_all and self.name != "table":
            raise ValueError(
                f"link_all: found on {self.name}, whose results are all of a search; allowed: on the provider table"
            )
        if self.max_rows and not self.link_all:
            raise ValueError(
                f"max_rows: found {self.max_rows:,} without link_all = true, which it bounds; pages and per_page bound a search"
            )
        return self

    @property
    def asks_items(self) -> bool:
        """Say whether it is asked by an entity's id."""
        return self.name in ASKED_BY_ITEM or "qid" in self.columns


class Encoder(Section):
    """What embeds pictures: an exported checkpoint or an open_clip name, pinned by the sha256 of its weights.

    `templates` make a prompt of each name of an entity; relevance is the cosine to the best of them. A picture whose cosine
    to a held-out one reaches `leak_cosine` is a leak. Both thresholds belong to the encoder: measure them for another.
    """

    model: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    min_relevance: Annotated[float, Field(ge=-1, le=1)] = 0.2
    leak_cosine: Annotated[float, Field(gt=0, le=1)] = 0.96
    templates: Annotated[list[str], Field(min_length=1)] = ["a photo of a {}"]

    @field_validator("templates")
    @classmethod
    def _placed(cls, templates: list[str]) -> list[str]:
        return _with_place(templates, "name of the entity")


class Screen(Section):
    """What is looked for in every picture, by the encoder or by a classifier of one's own, and the rule that the score decides.

    The encoder's score is the cosine to the nearest of `prompts` less that to the nearest of `contrast`. A `classifier` is a
    function (package.module:function) that scores pictures, `version` the identity of its weights. From `margin` on a score counts.
    """

    name: Name
    rule: Literal["unwanted", "people"]
    prompts: list[str] = []
    contrast: list[str] = []
    classifier: str = ""
    version: str = ""
    margin: Annotated[float, Field(allow_inf_nan=False)] = 0.0

    @model_validator(mode="after")
    def _one_of_two(self) -> Screen:
        if not self.classifier:
            return self._two_sided()
        if self.prompts or self.contrast:
            raise ValueError("prompts, contrast: found beside a classifier; a screen has the one or the other")
        if not CLASSIFIER.fullmatch(self.classifier):
            raise ValueError(f"classifier: found {self.classifier!r}; allowed: {CLASSIFIER_FORM}")
        if not self.version.strip():
            raise ValueError("version: missing; say which weights the classifier has, in words that change with them")
        if "margin" not in self.model_fields_set:
            raise ValueError("margin: missing; say from which score of the classifier on a picture counts")
        return self

    def _two_sided(self) -> Screen:
        for key, texts in (("prompts", self.prompts), ("contrast", self.contrast)):
            if not texts:
                raise ValueError(
                    f"{key}: found none; name at least one text, or a classifier instead of prompts and contrast"
                )
        if self.version:
            raise ValueError(
                f"version: found {self.version!r} without a classifier; the encoder's weights stand in [encoder]"
            )
        if abs(self.margin) > 2:
            raise ValueError(f"margin: found {self.margin}; a difference of cosines is from -2 to 2")
        if both := sorted(set(self.prompts) & set(self.contrast)):
            raise ValueError(f"contrast: found {both[0]!r}, which is also in prompts; it must be one or the other")
        if not all(text.strip() for text in (*self.prompts, *self.contrast)):
            raise ValueError("prompts, contrast: found an empty text; say in words what is looked for")
        return self


class Curation(Section):
    """Thresholds of the rules (docs/curation.md). Sides in pixels; radii in differing bits of 64; entropy in bits.

    Hashes within `duplicate_radius` propose two pictures as copies; they are if their gradients correlate by
    `duplicate_correlation` and, where both have colours, these are no further apart than `duplicate_hue_distance`.

    Licences are named as in `urls.licence`, where none stated is `unknown`; with `licences_allowed` a picture needs an address
    under one of them. `min_texts` are the cleaned texts that a picture with words needs, `refused_words` the words that none may
    have. `blocklist` is a file of hashes, `people` what becomes of pictures that show somebody.
    """

    min_side_px: Annotated[int, Field(ge=1)] = 64
    max_aspect: Annotated[float, Field(ge=1)] = 3.0
    min_entropy_bits: Annotated[float, Field(ge=0, le=8)] = 1.0
    placeholder_urls: Annotated[int, Field(ge=2)] = 50
    duplicate_radius: Annotated[int, Field(ge=0, le=8)] = 6
    duplicate_correlation: Annotated[float, Field(ge=0, le=1)] = 0.96
    duplicate_hue_distance: Annotated[float, Field(ge=0, le=2)] = 0.1
    leak_radius: Annotated[int, Field(ge=0, le=16)] = 6
    licences_refused: list[str] = []
    thin_pictures: Annotated[int, Field(ge=1)] = 10  # an entity with fewer kept pictures is called thin by the reports
    licences_allowed: list[str] = []
    min_texts: Annotated[int, Field(ge=0)] = 0
    refused_words: list[str] = []
    blocklist: str = ""
    blocklist_radius: Annotated[int, Field(ge=0, le=16)] = 4
    people: Literal["off", "flag", "reject"] = "flag"

    @field_validator("refused_words")
    @classmethod
    def _words(cls, words: list[str]) -> list[str]:
        if dull := [word for word in words if not any(character.isalnum() for character in word)]:
            raise ValueError(f"found {dull[0]!r}; allowed: words or phrases with a letter or a digit")
        return words

    @model_validator(mode="after")
    def _consistent(self) -> Curation:
        if both := sorted(set(self.licences_refused) & set(self.licences_allowed)):
            raise ValueError(
                f"licences_allowed: found {both[0]!r}, which is also in licences_refused; it must be one or the other"
            )
        return self


class Linking(Section):
    """How texts name entities: weights of what speaks for a link, and from which score it counts (docs/linking.md).

    The threshold of an entity falls with its pictures, from `min_score` to `tail_share` of it; one with fewer than
    `tail_pictures` belongs to the tail. A class of the label vocabulary has `min_class_pictures` or more.
    """

    weight_prior: Annotated[float, Field(gt=0)] = 1.0
    weight_context: Annotated[float, Field(ge=0)] = 1.0
    weight_searched: Annotated[float, Field(ge=0)] = 1.0
    weight_image: Annotated[float, Field(ge=0)] = 4.0
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.6
    tail_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    tail_pictures: Annotated[int, Field(ge=1)] = 20
    min_class_pictures: Annotated[int, Field(ge=1)] = 1


class Shards(Section):
    """How pictures are kept and packed: shorter side and quality of the stored JPEG, pictures a tar.

    `keep_served` keeps the bytes as served, too: ten times the room and more, and another side or quality asks no host again.
    """

    stored_side_px: Annotated[int, Field(ge=16)] = 512
    jpeg_quality: Annotated[int, Field(ge=1, le=95)] = 90
    keep_served: bool = True
    samples_per_shard: Annotated[int, Field(ge=1)] = 10_000


class Subrelease(Section):
    """A named part of every release: pictures of entities at or below these items, of these licences, found by these providers.

    A picture at several addresses has every licence that one of them states.
    """

    name: Name
    below: list[Qid] = []
    licences: list[str] = []
    providers: list[str] = []
    min_side_px: Annotated[int, Field(ge=0)] = 0

    @field_validator("providers")
    @classmethod
    def _known(cls, providers: list[str]) -> list[str]:
        return [_one_of(name, PROVIDERS) for name in providers]

    @model_validator(mode="after")
    def _narrower(self) -> Subrelease:
        if not (self.below or self.licences or self.providers or self.min_side_px):
            raise ValueError("found no condition; say one of below, licences, providers, min_side_px")
        return self


class Teacher(Section):
    """A model whose vectors of pictures and texts are stored once and learned from many times (docs/training.md).

    `model` is an open_clip name or the folder of an export, pinned by the sha256 of its weights. Each picture is cut
    `augmentations` times, at least `crop_scale_min` of its area, and a reinforced training cuts it in the same places.
    """

    name: Name
    model: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    augmentations: Annotated[int, Field(ge=1, le=1000)] = 5
    crop_scale_min: Annotated[float, Field(gt=0, le=1)] = 0.4


class Recipe(Section):
    """One training run, as entitynet_train.spec.RunSpec names it; its length is `samples_seen` or `epochs` of the release.

    `init` is where the weights begin: MODEL/PRETRAINED by open_clip's names, `recipe:NAME` of the same study, or an export or weight
    file of this machine. `teacher` names one of the study's teachers. `checkpoint_every_steps` says how much a killed training
    repeats, and changes no result; nor do `compile`, `activation_checkpointing` and `hang_timeout_s`, which say how fast, in how much
    memory, and when it counts as hung.
    """

    name: Name
    mix: str
    tower: str
    samples_seen: Annotated[int | None, Field(ge=0)] = None
    epochs: Annotated[float | None, Field(gt=0)] = None
    batch_size_global: Annotated[int, Field(ge=1)]
    lr_peak: Annotated[float, Field(gt=0)]
    seed: int = 0
    context_length_tokens: Annotated[int, Field(ge=4, le=77)] = 32
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.2
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.98
    eps: Annotated[float, Field(gt=0)] = 1e-6
    grad_clip_norm: Annotated[float, Field(ge=0)] = 1.0
    crop_scale_min: Annotated[float, Field(gt=0, le=1)] = 0.4
    loss: LossSpec = LossSpec()
    precision: Literal["fp32", "bf16"] = "fp32"
    world_size: Annotated[int, Field(ge=1)] = 1
    window_shards: Annotated[int, Field(ge=0)] = 0
    accumulate_steps: Annotated[int, Field(ge=1)] = 1
    patch_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    spike_factor: Annotated[float, Field(ge=0)] = 0.0
    tower_config: dict[str, Any] = {}
    init: str = ""
    init_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    teacher: str = ""
    checkpoint_every_steps: Annotated[int, Field(ge=1)] = 200
    compile: bool = False
    activation_checkpointing: bool = False
    hang_timeout_s: Annotated[float, Field(gt=0)] = 600.0

    @model_validator(mode="after")
    def _possible(self) -> Recipe:
        if not self.tower_config and self.tower not in TOWERS:
            raise ValueError(f"tower: found {self.tower!r}; allowed: {allowed_towers(self.tower)}, or a tower_config")
        if (self.samples_seen is None) == (self.epochs is None):
            found = "neither" if self.epochs is None else "both"
            raise ValueError(
                f"samples_seen, epochs: found {found}; say one, pictures to be seen or rounds over the release"
            )
        return self

    @property
    def init_recipe(self) -> str:
        """The recipe whose weights this one begins with, or an empty text."""
        return self.init.removeprefix("recipe:") if self.init.startswith("recipe:") else ""

    @property
    def init_is_local(self) -> bool:
        """Say whether it begins with a folder or a file of this machine."""
        return bool(self.init) and not self.init_recipe and self.init.partition("/")[0] not in TOWERS


class Mix(Section):
    """Weights over caption sources, for all pictures alike or by kind of query, and balancing (docs/mixes.md)."""

    name: Name
    weights: dict[str, float] = {}
    web_share: float = 0.0
    by_query: dict[str, dict[str, float]] = {}
    ancestor_decay: float = 0.5
    ancestor_distance: int = 3
    templates: list[str] = []
    template_share: float = 0.0
    balance: dict[str, int] = {}

    @model_validator(mode="after")
    def _possible(self) -> Mix:
        for path, weights in (
            ("weights", self.weights),
            *((f"by_query.{kind}", table) for kind, table in self.by_query.items()),
        ):
            known = (*TEXT_SOURCES, *POOLS) if path != "weights" else TEXT_SOURCES
            unknown = [source for source in weights if source not in known]
            if unknown:
                raise ValueError(
                    f"{path}.{unknown[0]}: no such source; allowed: {', '.join(known)}{_nearest(unknown[0], known)}"
                )
        try:
            self.caption_mix()
        except SpecError as error:
            raise ValueError(str(error)) from error
        return self

    def caption_mix(self) -> CaptionMix:
        """Return the mix as the workshop knows it."""
        return CaptionMix(**{**self.model_dump(), "templates": tuple(self.templates)})


class Benchmark(Section):
    """A held-out set: a manifest of pictures with classes, how it is scored (docs/scores.md), and the prompts of zero-shot.

    `min_coverage` is the share of its classes that must be entities with pictures; a trial run with a limit asks for none.
    """

    name: Name
    manifest: str
    min_coverage: Annotated[float, Field(ge=0, le=1)] = 0.8
    templates: Annotated[list[str], Field(min_length=1)] = ["a photo of a {}."]
    protocols: Annotated[list[str], Field(min_length=1)] = ["zero_shot"]

    @field_validator("templates")
    @classmethod
    def _placed(cls, templates: list[str]) -> list[str]:
        return _with_place(templates, "class name")

    @field_validator("protocols")
    @classmethod
    def _known_protocols(cls, protocols: list[str]) -> list[str]:
        for place, protocol in enumerate(protocols):
            if protocol not in PROTOCOLS:
                allowed = ", ".join(PROTOCOLS)
                raise ValueError(f"found {protocol!r}; allowed: {allowed}{_nearest(protocol, PROTOCOLS)}")
            if protocol in protocols[:place]:
                raise ValueError(f"found {protocol!r} twice; name it once")
        return protocols


class Study(Section):
    """All choices of one dataset and its models."""

    name: Name
    title: str
    slices: Annotated[int, Field(ge=1, le=1000)] = 64
    scope: Scope
    graph: Graph
    web: Web
    language_model: LanguageModel | None = None
    sample: Sample | None = None
    queries: Queries = Queries()
    folders: list[Folder] = []
    providers: Annotated[list[Provider], Field(min_length=1)]
    encoder: Encoder | None = None
    screens: list[Screen] = []  # of a study that names none, those of presets/screens.toml
    curation: Curation = Curation()
    linking: Linking = Linking()
    shards: Shards = Shards()
    subreleases: list[Subrelease] = []
    mixes: Annotated[list[Mix], Field(min_length=1)]
    teachers: list[Teacher] = []
    recipes: Annotated[list[Recipe], Field(min_length=1)]
    benchmarks: list[Benchmark] = []  # without one nothing is held out, and nothing is scored

    @model_validator(mode="after")
    def _joined(self) -> Study:
        for kind in ("mixes", "recipes", "benchmarks", "providers", "folders", "screens", "subreleases", "teachers"):
            names = [item.name for item in getattr(self, kind)]
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{kind}: {sorted(twice)} named twice; give each its own name")
        if self.scope.visual == "judge" and not (self.language_model and self.language_model.judge):
            raise ValueError(
                "scope.visual: found 'judge', and no model is asked; say judge = true in [language_model], or visual = \"rules\""
            )
        able = self.encoder or any(one.classifier for one in self.screens)
        if able and self.curation.people == "reject" and all(one.rule != "people" for one in self.screens):
            raise ValueError(
                'curation.people: found \'reject\', and no screen has rule = "people"; name one, or say "off"'
            )
        searches = [f"folder://{folder.name}/search" for folder in self.folders]
        for provider in self.providers:
            if provider.name == "folder" and provider.address not in searches:
                allowed = ", ".join(searches) or "none, as the study has no [[folders]]"
                raise ValueError(f"providers.folder.address: found {provider.address!r}; allowed: {allowed}")
        mixes = [mix.name for mix in self.mixes]
        for recipe in self.recipes:
            if recipe.mix not in mixes:
                raise ValueError(
                    f"recipes.{recipe.name}.mix: found {recipe.mix!r}; "
                    f"allowed: the study's mixes {', '.join(mixes)}{_nearest(recipe.mix, mixes)}"
                )
            if recipe.batch_size_global % recipe.world_size:
                raise ValueError(
                    f"recipes.{recipe.name}.batch_size_global: found {recipe.batch_size_global}; "
                    f"allowed: a multiple of world_size {recipe.world_size}"
                )
        return self

    @model_validator(mode="after")
    def _able_to_train(self) -> Study:
        teachers = [teacher.name for teacher in self.teachers]
        for place, recipe in enumerate(self.recipes):
            if recipe.teacher and recipe.teacher not in teachers:
                allowed = (
                    f"the study's teachers {', '.join(teachers)}"
                    if teachers
                    else "none, as the study has no [[teachers]]"
                )
                near = _nearest(recipe.teacher, teachers)
                raise ValueError(f"recipes.{recipe.name}.teacher: found {recipe.teacher!r}; allowed: {allowed}{near}")
            self._able_to_learn_from_a_teacher(recipe)
            earlier = [one.name for one in self.recipes[:place]]
            if (base := recipe.init_recipe) and base not in earlier:
                allowed = (
                    f"recipe: and one of those before it, {', '.join(earlier)}" if earlier else "a recipe before it"
                )
                raise ValueError(
                    f"recipes.{recipe.name}.init: found {recipe.init!r}; allowed: {allowed}{_nearest(base, earlier)}"
                )
        return self

    def _able_to_learn_from_a_teacher(self, recipe: Recipe) -> None:
        weight = recipe.loss.weights.get("distillation", 0)
        if bool(recipe.teacher) != bool(weight):
            raise ValueError(
                f"recipes.{recipe.name}.teacher: found {recipe.teacher!r} with loss.weights.distillation = {weight:g}; "
                "allowed: a teacher and a weight above 0, or neither"
            )
        mix = next(mix for mix in self.mixes if mix.name == recipe.mix)
        if recipe.teacher and mix.template_share:
            raise ValueError(
                f"recipes.{recipe.name}.mix: found {mix.name!r}, which puts words into templates (template_share {mix.template_share:g}); "
                "a teacher is asked of whole texts: choose a mix with template_share = 0"
            )

    @model_validator(mode="after")
    def _able_to_screen(self) -> Study:
        """Refuse prompts that nobody would read. Those that ship, all of them, may stand: a study gets them unasked."""
        unread = [screen for screen in self.screens if screen.prompts and not self.encoder]
        if unread and unread != [Screen(**values) for values in presets("screens").values()]:
            raise ValueError(
                f"screens.{unread[0].name}: found prompts, and the study has no [encoder] to read them; add one, name a classifier, "
                "or leave the screen out"
            )
        return self


def load_study(name: str | None = None) -> Study:
    """Read a study: a name of this folder, a path to a TOML file, or by default ENTITYNET_STUDY, else `sample`.

    Raises StudyError with one line per fault.
    """
    asked = name or os.environ.get("ENTITYNET_STUDY") or "sample"
    path = Path(asked) if asked.endswith(".toml") else HERE / f"{asked}.toml"
    if not path.is_file():
        known = [file.stem for file in sorted(HERE.glob("*.toml"))]
        raise StudyError(
            f"study {asked!r}: no file {path}; allowed: a path ending in .toml, or one of {', '.join(known)}{_nearest(asked, known)}"
        )
    try:
        raw = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError(f"{path.name}: not TOML: {error}") from error
    return parse_study(raw, path.name)


def parse_study(raw: dict[str, Any], where: str) -> Study:
    """Return the study of a parsed TOML. Mixes, recipes, benchmarks and screens given by name are taken from presets/."""
    raw = {"screens": list(presets("screens")), **raw}
    for kind in ("mixes", "recipes", "benchmarks", "screens"):
        items = raw.get(kind, [])
        if not isinstance(items, list):
            raise StudyError(f"{where}: {kind}: found {items!r}; allowed: a list of names or tables")
        raw = {**raw, kind: [_preset(kind, item, where) for item in items]}
    try:
        return Study.model_validate(raw)
    except ValidationError as error:
        raise StudyError("\n".join(_fault(where, fault) for fault in error.errors())) from error


def presets(kind: str) -> dict[str, dict[str, Any]]:
    """Return the ready-made mixes, recipes, benchmarks or screens by name."""
    raw = tomllib.loads((HERE / "presets" / f"{kind}.toml").read_text())
    return {name: {"name": name, **_completed(values, raw)} for name, values in raw.items()}


def shipped_recipes() -> list[Recipe]:
    """Return the ready-made recipes."""
    return [Recipe(**values) for values in presets("recipes").values()]


def recipe_named(name: str, recipes: Sequence[Recipe]) -> Recipe:
    """Return the recipe of a name. Raises StudyError with the nearest one if there is none."""
    known = {one.name: one for one in recipes}
    if name not in known:
        raise StudyError(f"recipe: found {name!r}; allowed: {', '.join(known)}{_nearest(name, known)}")
    return known[name]


_INSTEAD = {"samples_seen": "epochs", "epochs": "samples_seen"}  # of a recipe: who says the one does not want the other


def _completed(values: dict[str, Any], known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a table with what it does not say taken from the preset that it is `like`."""
    base = known.get(values.get("like", ""), {})
    base = _completed(base, known) if base else base
    replaced = {_INSTEAD[key] for key in values if key in _INSTEAD}
    kept = {key: value for key, value in base.items() if key not in replaced}
    return {**kept, **{key: value for key, value in values.items() if key != "like"}}


def _preset(kind: str, item: Any, where: str) -> Any:
    name = item.get("like") if isinstance(item, dict) else item
    if name is None or not isinstance(item, str | dict):
        return item
    known = presets(kind)
    if str(name) not in known:
        raise StudyError(
            f"{where}: {kind}: found {name!r}; allowed: a table of its own, or one of {', '.join(known)}{_nearest(str(name), known)}"
        )
    return known[item] if isinstance(item, str) else _completed(item, known)


def _fault(where: str, fault: Any) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _fields_at(fault["loc"])
        return f"{where}: {path}: unknown key; allowed here: {', '.join(known)}{_nearest(str(fault['loc'][-1]), known)}"
    if fault["type"] == "missing":
        return f"{where}: {path}: missing; add it"
    words = fault["msg"].removeprefix("Value error, ")
    found = "" if words.startswith("found") or isinstance(fault["input"], dict) else f"found {fault['input']!r}; "
    return f"{where}: {path + ': ' if path else ''}{found}{words}"


def _fields_at(location: tuple[Any, ...]) -> list[str]:
    model: Any = Study
    for part in location[:-1]:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            model = next(kind for kind in _models(annotation))
    return [one.name for one in fields(model)] if is_dataclass(model) else list(model.model_fields)


def _models(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation)):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models(inner)]


def _one_of(value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(f"found {value!r}; allowed: {', '.join(known)}{_nearest(value, known)}")
    return value


def _with_place(templates: list[str], what: str) -> list[str]:
    for template in templates:
        if "{}" not in template:
            raise ValueError(f"found {template!r}; a template needs {{}} where the {what} goes")
    return templates


def _nearest(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
