-- What pictures of a query may be called beside their entity's own texts: the query, the query with another name in the place
-- of the one in it, the attribute that it asks for, alone and before a name. Made here once, so that the loader only draws and
-- the shares of a mix are sums over rows. Only sources that a mix of the study weighs; English, as the queries are.
WITH names AS (
    SELECT DISTINCT qid, trim(text) AS text, lower(trim(text)) AS spelling, kind IN ('natural_type', 'natural_type_alias') AS of_type
    FROM entity_texts
    WHERE kind IN ('label', 'alias', 'taxon_name', 'common_name', 'natural_type', 'natural_type_alias')
        AND language IN ('en', 'mul', 'la') AND trim(text) <> ''
),

-- A few letters change their number when lowered, which would move the place: such a query keeps its name.
found AS (
    SELECT queries.query_id, names.spelling, position(' ' || names.spelling || ' ' IN ' ' || lower(queries.text) || ' ') AS place
    FROM queries JOIN names USING (qid)
    WHERE names.spelling <> lower(queries.text) AND length(lower(queries.text)) = length(queries.text)
        AND contains(' ' || lower(queries.text) || ' ', ' ' || names.spelling || ' ')
),

named AS (
    SELECT query_id, arg_max(spelling, (length(spelling), -place)) AS spelling, arg_max(place, (length(spelling), -place)) AS place
    FROM found GROUP BY query_id
),

asked AS (
    SELECT DISTINCT queries.query_id, queries.qid, attributes.value FROM queries JOIN attributes USING (qid)
    WHERE queries.kind = 'attribute' AND lower(queries.text) = lower(trim(attributes.attribute_type_query))
        OR queries.kind = 'attribute_noun' AND lower(queries.text) = lower(trim(attributes.attribute_noun_query))
),

made AS (
    SELECT query_id, 'query' AS source, text FROM queries
    UNION
    SELECT named.query_id, CASE WHEN names.of_type THEN 'query_swapped_type' ELSE 'query_swapped' END,
        left(queries.text, named.place - 1) || names.text || substring(queries.text, named.place + length(named.spelling))
    FROM named JOIN queries USING (query_id) JOIN names ON names.qid = queries.qid AND names.spelling <> named.spelling
    UNION
    SELECT query_id, 'query_attribute', value FROM asked
    UNION
    SELECT asked.query_id, CASE WHEN names.of_type THEN 'query_attribute_type' ELSE 'query_attribute_name' END,
        asked.value || ' ' || names.text
    FROM asked JOIN names USING (qid)
)

SELECT query_id, source, text FROM made WHERE trim(text) <> '' AND source = ANY($mix_sources)
