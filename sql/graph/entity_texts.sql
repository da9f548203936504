-- Every text that the graph has for an entity: its names, its natural type's, its description, and what can be seen of it in words.
-- Joined to pictures when a batch is drawn, so a relabelled entity changes this small table and no tar.
-- Texts keep their language. Phrases of attributes are English, as the words around the value are; the value alone has its names in
-- every language of the study. Descriptions that speak of the wiki and not of the thing are left out. Of two spellings that differ
-- only by capitals, blanks or the way marks are written, one stands: the one that sorts first, which is the one with the capital.
WITH item AS (
    SELECT * FROM wikidata_items WHERE status = 'ok'
),

named AS (
    SELECT qid, label.language, label.text FROM item, UNNEST(labels) AS unnested(label)
    WHERE label.language = ANY($languages) AND label.language <> 'mul'
),

other_names AS (
    SELECT qid, 'alias' AS kind, alias.language, alias.text FROM item, UNNEST(aliases) AS unnested(alias)
    WHERE alias.language = ANY($languages)
    UNION ALL
    SELECT qid, 'taxon_name', 'la', claim.value_text FROM item, UNNEST(claims) AS unnested(claim)
    WHERE claim.property_id = 'P225' AND claim.value_text IS NOT NULL
    UNION ALL
    SELECT qid, 'common_name', claim.language, claim.value_text FROM item, UNNEST(claims) AS unnested(claim)
    WHERE claim.property_id = 'P1843' AND claim.language = ANY($languages)
),

described AS (
    SELECT qid, description.language, description.text FROM item, UNNEST(descriptions) AS unnested(description)
    WHERE description.language = ANY($languages) AND NOT regexp_matches(description.text, '\b(Wikimedia|Wikipedia|Wikidata|Wikinews)\b')
),

texts AS (
    SELECT qid, 'label' AS kind, 'en' AS language, label AS text FROM entities
    UNION ALL
    SELECT qid, 'label', language, text FROM named JOIN entities USING (qid)
    UNION ALL
    SELECT qid, kind, language, text FROM other_names JOIN entities USING (qid)
    UNION ALL
    SELECT qid, 'description', language, text FROM described JOIN entities USING (qid)
    UNION ALL
    SELECT qid, 'natural_type', 'en', natural_type FROM entities
    UNION ALL
    SELECT entities.qid, 'natural_type', named.language, named.text FROM entities JOIN named ON named.qid = natural_type_qid
    UNION ALL
    SELECT entities.qid, 'natural_type_alias', other_names.language, other_names.text
    FROM entities JOIN other_names ON other_names.qid = natural_type_qid
    UNION ALL
    SELECT entities.qid, 'natural_type_description', described.language, described.text
    FROM entities JOIN described ON described.qid = natural_type_qid
    UNION ALL
    SELECT qid, 'attribute', 'en', attribute_noun_query FROM attributes
    UNION ALL
    SELECT qid, 'attribute_type', 'en', attribute_type_query FROM attributes
    UNION ALL
    SELECT qid, 'attribute_value', 'en', value FROM attributes
    UNION ALL
    SELECT attributes.qid, 'attribute_value', named.language, named.text FROM attributes JOIN named ON named.qid = attributes.value_qid
),

clean AS (
    SELECT qid, kind, language, trim(regexp_replace(nfc_normalize(text), '[\s\p{Cc}]+', ' ', 'g')) AS text FROM texts WHERE text IS NOT NULL
)

SELECT qid, kind, language, min(text) AS text
FROM clean WHERE text <> ''
GROUP BY qid, kind, language, lower(text)
