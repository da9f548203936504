-- Classes and taxa above an entity that have a name, for answers one step or more up when no entity is sure: "a felid". Only what is
-- itself at or below a root of the study, so that nothing as abstract as "object" is an answer.
WITH above AS (
    SELECT qid, ancestor_qid, distance FROM entity_parents
    WHERE ancestor_qid <> ALL($skip_types)
        AND qid IN (SELECT qid FROM entities) AND ancestor_qid IN (SELECT qid FROM entity_roots)
),

item AS (
    SELECT * FROM wikidata_items WHERE status = 'ok' AND qid IN (SELECT ancestor_qid FROM above)
),

names AS (
    SELECT qid, label.text AS text, CASE label.language WHEN 'en' THEN 1 ELSE 2 END AS preference
    FROM item, UNNEST(labels) AS unnested(label) WHERE label.language IN ('en', 'mul')
    UNION ALL
    SELECT qid, claim.value_text, 3 FROM item, UNNEST(claims) AS unnested(claim)
    WHERE claim.property_id = 'P225' AND claim.value_text IS NOT NULL
),

named AS (
    SELECT qid, arg_min(text, (preference, text)) AS text FROM names WHERE trim(text) <> '' GROUP BY qid
)

SELECT above.qid, above.ancestor_qid, named.text AS ancestor_label, above.distance
FROM above JOIN named ON named.qid = above.ancestor_qid
