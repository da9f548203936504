-- Names of the classes and taxa above an entity, for captions one step or more up. Only what is itself at or below a root of the
-- study, so that nothing as abstract as "object" is a caption, and only as far up as a mix of the study weighs (0: none does).
WITH above AS (
    SELECT qid, ancestor_qid, distance FROM entity_parents
    WHERE distance <= $ancestor_distance AND ancestor_qid <> ALL($skip_types)
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

SELECT above.qid, named.text, min(above.distance) AS distance
FROM above JOIN named ON named.qid = above.ancestor_qid
GROUP BY above.qid, named.text
