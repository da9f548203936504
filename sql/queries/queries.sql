-- Search strings of an entity in the order of the study's kinds, within its budget; a harvest plan adds to the budget of
-- entities that the last round's models knew badly. Aliases help where the label is rare; one spelling is asked once in a style.
-- A name that is the label of another entity too is asked for together with the natural type ("mercury planet"), else it finds them all.
-- The query of kind `item` stands for the entity itself, for providers that ask by its id; it costs no budget.
-- Of attributes the first of each category comes before the second of any, so that a small budget asks for different looks.
WITH mine AS (
    SELECT * FROM entities WHERE slice_of(qid, $slice_count) = $slice_index
),

names AS (
    SELECT qid, kind, text, lower(trim(text)) AS spelling FROM entity_texts
    WHERE kind IN ('label', 'alias', 'taxon_name', 'common_name') AND trim(text) <> ''
        AND (kind <> 'alias' OR language IN ('en', 'mul')) AND (kind <> 'common_name' OR language = 'en')
),

labels AS (
    SELECT DISTINCT qid, lower(trim(label)) AS spelling FROM entities
),

shared_labels AS (
    SELECT spelling FROM labels GROUP BY spelling HAVING count(*) > 1
),

labels_of_others AS (
    SELECT DISTINCT names.qid, names.spelling FROM names JOIN labels ON labels.spelling = names.spelling AND labels.qid <> names.qid
),

words AS (
    SELECT DISTINCT trim(word) AS text, lower(trim(word)) AS spelling FROM UNNEST($words::VARCHAR[]) AS given(word) WHERE trim(word) <> ''
),

phrased AS (
    SELECT qid, label AS text, 'noun' AS kind, NULL::VARCHAR AS value_qid,
        lower(trim(label)) IN (SELECT spelling FROM shared_labels) AS doubtful, 0 AS nth
    FROM mine
    UNION ALL
    SELECT qid, label, 'drawing', NULL, lower(trim(label)) IN (SELECT spelling FROM shared_labels), 0 FROM mine
    UNION ALL
    SELECT qid, text, kind, NULL, kind <> 'taxon_name' AND another.spelling IS NOT NULL, 0
    FROM mine JOIN names USING (qid) LEFT JOIN labels_of_others AS another USING (qid, spelling) WHERE kind <> 'label'
    UNION ALL
    SELECT qid, any_value(words.text), 'word', NULL, bool_or(another.spelling IS NOT NULL), 0
    FROM mine JOIN names USING (qid) JOIN words USING (spelling) LEFT JOIN labels_of_others AS another USING (qid, spelling)
    GROUP BY qid, spelling
    UNION ALL
    SELECT qid, attribute_type_query, 'attribute', value_qid, false, place
    FROM mine JOIN attributes USING (qid) WHERE attribute_type_query IS NOT NULL
    UNION ALL
    SELECT qid, attribute_noun_query, 'attribute_noun', value_qid, false, place FROM mine JOIN attributes USING (qid)
),

told_apart AS (
    SELECT qid, kind, value_qid, nth, CASE WHEN kind = 'drawing' THEN 'drawing' ELSE $style END AS style,
        CASE WHEN doubtful AND natural_type IS NOT NULL AND NOT contains(lower(text), lower(natural_type))
            THEN trim(text) || ' ' || natural_type ELSE text END AS text
    FROM phrased JOIN mine USING (qid) WHERE kind = ANY($query_kinds) AND trim(text) <> ''
),

distinct_texts AS (
    SELECT qid, lower(trim(text)) AS spelling, style, arg_min(text, (list_position($query_kinds, kind), text)) AS text,
        arg_min(kind, (list_position($query_kinds, kind), text)) AS kind,
        arg_min(coalesce(value_qid, ''), (list_position($query_kinds, kind), text, coalesce(value_qid, ''))) AS value_qid,
        min((list_position($query_kinds, kind), nth)) AS place
    FROM told_apart GROUP BY qid, lower(trim(text)), style
),

ranked AS (
    SELECT qid, spelling, style, text, kind, value_qid, row_number() OVER (PARTITION BY qid ORDER BY place, spelling, style) AS priority
    FROM distinct_texts
    UNION ALL
    SELECT qid, lower(trim(label)), 'any', label, 'item', NULL, 0 FROM mine WHERE $ask_items
),

other_names AS (
    SELECT qid, list_sort(list(DISTINCT text)) AS texts FROM (
        SELECT qid, trim(text) AS text FROM names WHERE kind <> 'label'
        UNION ALL
        SELECT qid, natural_type FROM mine WHERE natural_type IS NOT NULL
    ) WHERE qid IN (SELECT qid FROM mine) GROUP BY qid
),

living AS (
    SELECT DISTINCT qid FROM names WHERE kind = 'taxon_name'
),

identifiers AS (
    SELECT qid, list_sort(list(DISTINCT {'property_id': claim.property_id, 'value': claim.value_text})) AS identifiers
    FROM wikidata_items, UNNEST(claims) AS unnested(claim)
    WHERE claim.property_id IN ('P373', 'P846', 'P3151') AND claim.value_text IS NOT NULL GROUP BY qid
),

optioned AS (
    SELECT ranked.*,
        CASE WHEN $or_terms AND kind IN ('noun', 'drawing')
            THEN list_filter(coalesce(other_names.texts, []::VARCHAR[]), lambda said: lower(said) <> ranked.spelling)[1:$most_or_terms]
            ELSE []::VARCHAR[] END AS or_terms,
        CASE WHEN kind = 'item' OR style = 'drawing' THEN []::VARCHAR[] ELSE $exclude_words::VARCHAR[] END AS exclude
    FROM ranked LEFT JOIN other_names USING (qid)
)

SELECT
    sha256(concat_ws(
        chr(31), optioned.qid, optioned.spelling,
        CASE WHEN kind = 'item' THEN 'item' WHEN style <> 'any' OR len(or_terms) > 0 OR len(exclude) > 0
            THEN style || chr(30) || array_to_string(or_terms, chr(29)) || chr(30) || array_to_string(exclude, chr(29)) END
    )) AS query_id,
    optioned.text,
    optioned.kind,
    optioned.qid,
    nullif(optioned.value_qid, '') AS value_qid,
    mine.natural_type,
    optioned.style,
    optioned.or_terms,
    optioned.exclude,
    CASE WHEN kind = 'item' THEN coalesce(identifiers.identifiers, []) ELSE [] END AS identifiers,
    CASE WHEN kind = 'noun' AND living.qid IS NOT NULL THEN 'wd-noun-living' WHEN kind = 'noun' THEN 'wd-noun-world'
        WHEN kind = 'drawing' AND living.qid IS NULL THEN 'wd-noun-world-cartoon'
        WHEN kind = 'attribute' AND living.qid IS NOT NULL THEN 'wd-attr-living' WHEN kind = 'attribute' THEN 'wd-attr-world'
        WHEN kind = 'attribute_noun' AND living.qid IS NOT NULL THEN 'wd-attrnoun-living' WHEN kind = 'attribute_noun' THEN 'wd-attrnoun-world'
        WHEN kind = 'word' AND living.qid IS NOT NULL THEN 'wordnet-noun-living' END AS published_kind,
    optioned.priority
FROM optioned
JOIN mine USING (qid)
LEFT JOIN identifiers ON identifiers.qid = optioned.qid
LEFT JOIN living ON living.qid = optioned.qid
LEFT JOIN previous_harvest_plan AS plan ON plan.qid = optioned.qid
WHERE optioned.priority <= $queries_per_entity + coalesce(plan.extra_queries, 0)
