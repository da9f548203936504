-- Why an item that was asked for is no entity, and faults of the graph worth a look: cycles, parents nobody has.
WITH members AS (
    SELECT * FROM wikidata_items WHERE status = 'ok' AND role = 'member'
),

edges AS (
    SELECT DISTINCT members.qid, claim.property_id, claim.value_qid AS parent_qid
    FROM members, UNNEST(members.claims) AS unnested(claim)
    WHERE claim.property_id IN ('P279', 'P171') AND claim.value_qid IS NOT NULL
),

has_name AS (
    SELECT qid FROM members
    WHERE enwiki_title IS NOT NULL
        OR len(list_filter(labels, lambda l: l.language IN ('en', 'mul'))) > 0
        OR len(list_filter(claims, lambda c: c.value_text IS NOT NULL
            AND (c.property_id = 'P225' OR (c.property_id = 'P1843' AND c.language = 'en')))) > 0
),

left_out AS (
    SELECT members.qid,
        CASE
            WHEN members.qid = ANY($exclude) OR EXISTS (
                SELECT 1 FROM entity_parents AS above WHERE above.qid = members.qid AND above.ancestor_qid = ANY($exclude)
            ) THEN 'excluded'
            WHEN members.qid NOT IN (SELECT qid FROM has_name) THEN 'no_label'
            WHEN members.qid <> ALL($roots) AND NOT EXISTS (
                SELECT 1 FROM entity_parents AS above WHERE above.qid = members.qid AND above.ancestor_qid = ANY($roots)
            ) THEN 'outside_roots'
            WHEN coalesce(members.sitelink_count, 0) < $min_sitelinks THEN 'few_sitelinks'
            WHEN $leaves_only AND (members.qid = ANY($roots) OR EXISTS (
                SELECT 1 FROM entity_parents AS below JOIN members AS child ON child.qid = below.qid
                WHERE below.ancestor_qid = members.qid
            )) THEN 'not_leaf'
            ELSE 'over_limit'
        END AS finding
    FROM members WHERE members.qid NOT IN (SELECT qid FROM entities)
)

SELECT 'not_ok' AS finding, qid, status || coalesce(': ' || reason, '') AS detail FROM wikidata_items WHERE status <> 'ok'
UNION ALL
SELECT finding, qid, 'not an entity of this study' FROM left_out
UNION ALL
SELECT DISTINCT 'cycle', up.qid, 'is its own ancestor through ' || up.ancestor_qid
FROM entity_parents AS up
JOIN entity_parents AS back ON back.qid = up.ancestor_qid AND back.ancestor_qid = up.qid
UNION ALL
SELECT DISTINCT 'cycle', qid, 'is stated to be below itself' FROM edges WHERE parent_qid = qid
UNION ALL
SELECT DISTINCT 'unknown_parent', qid, property_id || ' ' || parent_qid FROM edges
WHERE parent_qid NOT IN (SELECT qid FROM wikidata_items)
UNION ALL
SELECT 'no_natural_type', qid, label FROM entities WHERE natural_type IS NULL
