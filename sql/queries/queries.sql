-- Search strings of an entity in the order of the study's kinds, within its budget; a harvest plan adds to the budget of
-- entities that the last round's models knew badly. Aliases help where the label is rare; one spelling is asked once.
-- Of attributes the first of each category comes before the second of any, so that a small budget asks for different looks.
WITH mine AS (
    SELECT * FROM entities WHERE slice_of(qid, $slice_count) = $slice_index
),

phrased AS (
    SELECT qid, label AS text, 'noun' AS kind, NULL::VARCHAR AS value_qid, 0 AS nth FROM mine
    UNION ALL
    SELECT qid, text, 'alias', NULL, 0 FROM mine JOIN entity_texts USING (qid) WHERE kind = 'alias' AND language IN ('en', 'mul')
    UNION ALL
    SELECT qid, text, 'taxon_name', NULL, 0 FROM mine JOIN entity_texts USING (qid) WHERE kind = 'taxon_name'
    UNION ALL
    SELECT qid, attribute_type_query, 'attribute', value_qid, place FROM mine JOIN attributes USING (qid) WHERE attribute_type_query IS NOT NULL
    UNION ALL
    SELECT qid, attribute_noun_query, 'attribute_noun', value_qid, place FROM mine JOIN attributes USING (qid)
),

distinct_texts AS (
    SELECT qid, lower(trim(text)) AS spelling, arg_min(text, (list_position($query_kinds, kind), text)) AS text,
        arg_min(kind, (list_position($query_kinds, kind), text)) AS kind,
        arg_min(coalesce(value_qid, ''), (list_position($query_kinds, kind), text, coalesce(value_qid, ''))) AS value_qid,
        min((list_position($query_kinds, kind), nth)) AS place
    FROM phrased WHERE kind = ANY($query_kinds) AND trim(text) <> ''
    GROUP BY qid, lower(trim(text))
),

ranked AS (
    SELECT *, row_number() OVER (PARTITION BY qid ORDER BY place, spelling) AS priority FROM distinct_texts
)

SELECT
    sha256(ranked.qid || chr(31) || ranked.spelling) AS query_id,
    ranked.text,
    ranked.kind,
    ranked.qid,
    nullif(ranked.value_qid, '') AS value_qid,
    mine.natural_type,
    ranked.priority
FROM ranked
JOIN mine USING (qid)
LEFT JOIN previous_harvest_plan AS plan ON plan.qid = ranked.qid
WHERE ranked.priority <= $queries_per_entity + coalesce(plan.extra_queries, 0)
