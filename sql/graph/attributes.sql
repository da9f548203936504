-- Visual attributes that the graph states directly: colour (P462), material (P186), parts (P527).
-- They are thin in Wikidata; a value without an English or mul label names nothing and is left out.
WITH categories(property_id, category, before, between) AS (
    VALUES ('P462', 'colour', true, ''), ('P186', 'material', false, ' made of '), ('P527', 'part', false, ' with ')
),

value_names AS (
    SELECT qid, arg_min(label.text, label.language) AS name
    FROM wikidata_items, UNNEST(labels) AS unnested(label) WHERE status = 'ok' AND label.language IN ('en', 'mul')
    GROUP BY qid
),

stated AS (
    SELECT DISTINCT entities.qid, entities.label, entities.natural_type, claim.property_id, claim.value_qid
    FROM entities JOIN wikidata_items AS item USING (qid), UNNEST(item.claims) AS unnested(claim)
    WHERE claim.value_qid IS NOT NULL
)

SELECT
    stated.qid,
    stated.property_id,
    stated.value_qid,
    categories.category,
    value_names.name AS value,
    trim(categories.between || value_names.name) AS phrase,
    CASE WHEN categories.before THEN value_names.name || ' ' || stated.natural_type
        ELSE stated.natural_type || categories.between || value_names.name END AS attribute_type_query,
    CASE WHEN categories.before THEN value_names.name || ' ' || stated.label
        ELSE stated.label || categories.between || value_names.name END AS attribute_noun_query
FROM stated
JOIN categories USING (property_id)
JOIN value_names ON value_names.qid = stated.value_qid
