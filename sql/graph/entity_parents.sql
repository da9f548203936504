-- Ancestors by the study's relations with the shortest distance, of the members known well enough to become entities.
-- P31 may only be the first step of a path, because what a class is an instance of says what the class is, not what is
-- in it; P279 and P171 may take turns, as breeds stand below taxa. So the relations {P279} follow P279+, and {P31, P279, P171}
-- follow (P31|P279|P171)/(P279|P171)*. The graph has cycles, so an ancestor once reached is not reached again (USING KEY
-- with an anti-join), and nobody is an ancestor of itself. What recursion joins is MATERIALIZED, or each step would read it anew.
WITH RECURSIVE classes AS MATERIALIZED (
    SELECT DISTINCT qid, parent_qid FROM parent_statements WHERE property_id <> 'P31' AND qid <> parent_qid
),

up(qid, ancestor_qid, distance) USING KEY (qid, ancestor_qid) AS (
    SELECT DISTINCT first_step.qid, first_step.parent_qid, 1::BIGINT
    FROM parent_statements AS first_step
    JOIN wikidata_items AS item ON item.qid = first_step.qid
    WHERE item.role = 'member' AND coalesce(item.sitelink_count, 0) >= $min_sitelinks AND first_step.qid <> first_step.parent_qid
    UNION
    SELECT up.qid, classes.parent_qid, min(up.distance + 1)
    FROM up
    JOIN classes ON classes.qid = up.ancestor_qid
    LEFT JOIN recurring.up AS seen ON seen.qid = up.qid AND seen.ancestor_qid = classes.parent_qid
    WHERE seen.qid IS NULL
    GROUP BY up.qid, classes.parent_qid
)

SELECT qid, ancestor_qid, distance FROM up WHERE qid <> ancestor_qid
