"""The two tables that a language model fills, both empty without `language_model` in the study.

Belongs here: which items are asked about, in which order, and the rows made of the replies. Does not belong here: prompts
(model_prompts.py), reading answers (model_answers.py), asking (language_model.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from entitynet_assets.graph.language_model import Asking, Reply
from entitynet_assets.graph.model_answers import AnswerError, read_attributes, read_judgement
from entitynet_assets.graph.model_prompts import HINTS, Prompt, attributes_prompt, judge_prompt
from entitynet_assets.resources import Workplace
from entitynet_assets.stations import Made, Work, station
from entitynet_assets.tables import GENERATED_ATTRIBUTES, VISUAL_JUDGEMENTS

Row = dict[str, Any]
CHOSEN = {
    "roots",
    "min_sitelinks",
    "exclude",
    "exclude_having",
    "need_image",
    "leaves_only",
    "skip_types",
}  # of the scope
LEFT = ("failed", "not_asked")  # asked, or asked again, by the next run

# Members that may become entities: whoever is left out for another reason is not worth a question.
_MEMBERS = """
    SELECT qid FROM wikidata_items
    WHERE status = 'ok' AND role = 'member' AND coalesce(sitelink_count, 0) >= $min_sitelinks AND qid <> ALL($exclude::VARCHAR[])
        AND qid IN (SELECT qid FROM entity_roots)
        AND qid NOT IN (SELECT qid FROM entity_parents WHERE ancestor_qid = ANY($exclude::VARCHAR[]))
        AND NOT list_has_any(list_transform(claims, lambda c: c.property_id), $exclude_having::VARCHAR[])
        AND NOT ($need_image AND len(list_filter(claims, lambda c: c.property_id = 'P18' AND c.value_text IS NOT NULL)) = 0)
        AND NOT ($leaves_only AND (
            qid = ANY($roots::VARCHAR[]) OR qid IN (SELECT parent_qid FROM parent_statements WHERE qid <> parent_qid)
        ))
"""

# What the prompts say of the items asked about, the best known first, so that they are asked before a cap is reached.
_FACTS = """
WITH asked AS MATERIALIZED ({asked}),

texts AS MATERIALIZED (
    SELECT qid, coalesce(sitelink_count, 0) AS sitelink_count, coalesce(
        list_filter(labels, lambda l: l.language = 'en')[1].text, list_filter(labels, lambda l: l.language = 'mul')[1].text,
        list_filter(claims, lambda c: c.property_id = 'P225')[1].value_text,
        list_filter(claims, lambda c: c.property_id = 'P1843' AND c.language = 'en')[1].value_text, enwiki_title
    ) AS name,
    list_filter(descriptions, lambda d: d.language = 'en')[1].text AS description,
    list_transform(list_filter(aliases, lambda a: a.language IN ('en', 'mul'))[:50], lambda a: a.text[:400]) AS aliases
    FROM wikidata_items WHERE status = 'ok'
),

kinds AS (
    SELECT up.qid, list({{'id': up.ancestor_qid, 'name': texts.name}} ORDER BY
        up.distance, texts.sitelink_count DESC, length(up.ancestor_qid), up.ancestor_qid) AS kinds
    FROM entity_parents AS up JOIN asked ON asked.qid = up.qid JOIN texts ON texts.qid = up.ancestor_qid
    WHERE texts.name IS NOT NULL GROUP BY up.qid
),

stated AS (
    SELECT qid, UNNEST(claims) AS claim FROM wikidata_items WHERE qid IN (SELECT qid FROM asked) AND status = 'ok'
),

known AS (
    SELECT stated.qid, list({{'property': stated.claim.property_id, 'value': texts.name}} ORDER BY
        list_position($hints::VARCHAR[], stated.claim.property_id), texts.name) AS known
    FROM stated JOIN texts ON texts.qid = stated.claim.value_qid
    WHERE stated.claim.property_id = ANY($hints::VARCHAR[]) AND texts.name IS NOT NULL GROUP BY stated.qid
)

SELECT asked.qid, texts.name, texts.description, coalesce(texts.aliases, []) AS aliases,
    list_transform(coalesce(kinds.kinds, [])[:20], lambda k: k.name) AS above,
    list_filter(coalesce(kinds.kinds, []), lambda k: NOT list_contains($skip_types::VARCHAR[], k.id))[:20] AS types,
    coalesce(known.known, []) AS known
FROM asked JOIN texts USING (qid) LEFT JOIN kinds USING (qid) LEFT JOIN known USING (qid)
WHERE trim(texts.name) <> ''
ORDER BY texts.sitelink_count DESC, length(asked.qid), asked.qid
"""


def _judge_parameters(place: Workplace) -> Any:
    section, scope = place.study.language_model, place.study.scope
    if section is None or not section.judge:
        return None
    return {"scope": scope.model_dump(include=CHOSEN), "asked": section.model_dump(include={"model", "max_tokens"})}


def _attribute_parameters(place: Workplace) -> Any:
    section, scope = place.study.language_model, place.study.scope
    if section is None or not section.attributes:
        return None
    asked = section.model_dump(include={"model", "max_tokens", "per_category"})
    return {"scope": scope.model_dump(include={"skip_types"}), "asked": asked}


@station(
    VISUAL_JUDGEMENTS,
    reads=("wikidata_items", "parent_statements", "entity_roots", "entity_parents"),
    params=_judge_parameters,
    kinds=("python", "http"),
)
def visual_judgements(work: Work) -> Made:
    """Whether a photograph can show a member, in the words of a language model; empty unless language_model.judge.

    An answer is paid for once for each prompt and model. Members beyond `max_calls` are rows `not_asked`, and the next run goes on.
    """
    section = work.study.language_model
    if section is None or not section.judge:
        return Made([])
    chosen = work.study.scope.model_dump(include=CHOSEN)
    facts = work.select(_FACTS.format(asked=_MEMBERS), hints=list(HINTS), **chosen)
    prompts = [judge_prompt(row) for row in facts]
    return _made(work, prompts, lambda prompt, text: read_judgement(text, prompt.offered), {})


@station(
    GENERATED_ATTRIBUTES,
    reads=("wikidata_items", "entities", "entity_parents"),
    params=_attribute_parameters,
    kinds=("python", "http"),
)
def generated_attributes(work: Work) -> Made:
    """Visual attributes of entities in the words of a language model; empty unless language_model.attributes.

    An answer is paid for once for each prompt and model; what of it was not taken is in `dropped` with the reason.
    """
    section = work.study.language_model
    if section is None or not section.attributes:
        return Made([])
    most = section.per_category
    query = _FACTS.format(asked="SELECT qid FROM entities")
    facts = work.select(query, skip_types=work.study.scope.skip_types, hints=list(HINTS))
    prompts = [attributes_prompt(row, most) for row in facts]
    empty = {"attributes": [], "dropped": []}
    return _made(work, prompts, lambda prompt, text: read_attributes(text, prompt.name, most), empty)


def _made(
    work: Work, prompts: Sequence[Prompt], read: Callable[[Prompt, str], Mapping[str, Any]], empty: Mapping[str, Any]
) -> Made:
    """Return the rows of these prompts, asked where no answer is kept."""
    section = work.study.language_model
    assert section is not None
    before = work.place.model_calls
    replies = Asking(work.place, section).replies(
        prompts, lambda done, total: work.advance(done, total, f"prompts to {section.model}")
    )
    rows = [{**empty, **_row(prompt, replies[prompt.qid], section.model, read)} for prompt in prompts]
    counts = Counter(row["status"] for row in rows)
    dropped = Counter(f"dropped_{value['reason']}" for row in rows for value in row.get("dropped", ()))
    done = {"prompts": work.place.model_calls - before, "not_asked": counts["not_asked"]}
    return Made(rows, {**counts, **dropped}, done, unfinished=any(counts[status] for status in LEFT))


def _row(prompt: Prompt, reply: Reply, model: str, read: Callable[[Prompt, str], Mapping[str, Any]]) -> Row:
    row: Row = {
        "qid": prompt.qid, "model": model, "prompt_sha256": prompt.sha256, "status": reply.status, "reason": reply.reason,
        "answer": reply.text, "prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens,
    }  # fmt: skip
    if reply.status != "ok" or reply.text is None:
        return row
    try:
        return {**row, **read(prompt, reply.text)}
    except AnswerError as error:
        return {**row, "status": error.status, "reason": str(error)}
