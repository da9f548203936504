-- Every text that the graph has for an entity. Joined to pictures when a batch is drawn, so a relabelled entity changes
-- this small table and no tar.
WITH item AS (
    SELECT * FROM wikidata_items WHERE qid IN (SELECT qid FROM entities)
),

texts AS (
    SELECT qid, 'label' AS kind, 'en' AS language, label AS text FROM entities
    UNION
    SELECT qid, 'label', label.language, label.text FROM item, UNNEST(labels) AS unnested(label)
    WHERE label.language = ANY($languages) AND label.language <> 'mul'
    UNION
    SELECT qid, 'alias', alias.language, alias.text FROM item, UNNEST(aliases) AS unnested(alias)
    WHERE alias.language = ANY($languages)
    UNION
    SELECT qid, 'taxon_name', 'la', claim.value_text FROM item, UNNEST(claims) AS unnested(claim)
    WHERE claim.property_id = 'P225' AND claim.value_text IS NOT NULL
    UNION
    SELECT qid, 'common_name', claim.language, claim.value_text FROM item, UNNEST(claims) AS unnested(claim)
    WHERE claim.property_id = 'P1843' AND claim.language = ANY($languages)
    UNION
    SELECT qid, 'description', description.language, description.text FROM item, UNNEST(descriptions) AS unnested(description)
    WHERE description.language = ANY($languages)
    UNION
    SELECT qid, 'natural_type', 'en', natural_type FROM entities WHERE natural_type IS NOT NULL
    UNION
    SELECT qid, 'attribute', 'en', attribute_noun_query FROM attributes
)

SELECT qid, kind, language, text FROM texts WHERE trim(text) <> ''
