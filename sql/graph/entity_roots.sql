-- Every root that a member is at or below, with the shortest distance: walked down from the roots, so that one pass reaches
-- all members, also those that never become entities. An item below three roots has three rows; `entities` keeps the
-- nearest. Paths are those of entity_parents, read downwards: classes by P279 and P171, then their instances, no further.
-- An item that the scope names and no root reaches is a root of its own, and nothing below it is taken.
WITH RECURSIVE classes AS MATERIALIZED (
    SELECT DISTINCT qid, parent_qid FROM parent_statements WHERE property_id <> 'P31' AND qid <> parent_qid
),

down(root_qid, qid, distance) USING KEY (root_qid, qid) AS (
    SELECT DISTINCT root_qid, root_qid, 0::BIGINT FROM UNNEST($roots::VARCHAR[]) AS unnested(root_qid)
    UNION
    SELECT down.root_qid, classes.qid, min(down.distance + 1)
    FROM down
    JOIN classes ON classes.parent_qid = down.qid
    LEFT JOIN recurring.down AS seen ON seen.root_qid = down.root_qid AND seen.qid = classes.qid
    WHERE seen.qid IS NULL
    GROUP BY down.root_qid, classes.qid
),

reached AS (
    SELECT qid, root_qid, distance FROM down
    UNION ALL
    SELECT instance.qid, down.root_qid, down.distance + 1
    FROM down JOIN parent_statements AS instance ON instance.parent_qid = down.qid
    WHERE instance.property_id = 'P31'
),

placed AS (
    SELECT qid, root_qid, distance FROM reached
    UNION ALL
    SELECT named.qid, named.qid, 0 FROM UNNEST($items::VARCHAR[]) AS named(qid) WHERE named.qid NOT IN (SELECT qid FROM reached)
)

SELECT placed.qid, placed.root_qid, min(placed.distance) AS distance
FROM placed JOIN wikidata_items AS item ON item.qid = placed.qid
WHERE item.status = 'ok' AND item.role = 'member'
GROUP BY placed.qid, placed.root_qid
