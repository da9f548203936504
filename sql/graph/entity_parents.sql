-- Ancestors by P31, P279 and P171 with the shortest distance. The graph has cycles, so an ancestor once reached is not
-- reached again (USING KEY with an anti-join), and nobody is an ancestor of itself.
WITH RECURSIVE edges AS (
    SELECT DISTINCT item.qid, claim.value_qid AS parent_qid
    FROM wikidata_items AS item, UNNEST(item.claims) AS unnested(claim)
    WHERE item.status = 'ok' AND claim.property_id IN ('P31', 'P279', 'P171') AND claim.value_qid IS NOT NULL
),

up(qid, ancestor_qid, distance) USING KEY (qid, ancestor_qid) AS (
    SELECT qid, parent_qid, 1::BIGINT FROM edges
    UNION
    SELECT up.qid, edges.parent_qid, min(up.distance + 1)
    FROM up
    JOIN edges ON edges.qid = up.ancestor_qid
    LEFT JOIN recurring.up AS seen ON seen.qid = up.qid AND seen.ancestor_qid = edges.parent_qid
    WHERE seen.qid IS NULL
    GROUP BY up.qid, edges.parent_qid
)

SELECT qid, ancestor_qid, distance FROM up WHERE qid <> ancestor_qid
