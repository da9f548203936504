-- Which class is taken for which, and how near of kin the two are in the graph. A class is on its own line at distance 0, so
-- that a kind taken for its parent is one statement away. Only the classes confused are joined: all pairs would be too many.
WITH pairs AS (
    SELECT recipe, step, benchmark, class_id, predicted_class_id, count(*) AS count
    FROM predictions WHERE class_id <> predicted_class_id
    GROUP BY recipe, step, benchmark, class_id, predicted_class_id
),

classes AS (
    SELECT class_id AS qid FROM pairs UNION SELECT predicted_class_id FROM pairs
),

lines AS (
    SELECT qid, qid AS ancestor_qid, 0 AS distance FROM classes
    UNION ALL
    SELECT qid, ancestor_qid, distance FROM entity_parents WHERE qid IN (SELECT qid FROM classes)
),

kin AS (
    SELECT pair.class_id, pair.predicted_class_id, min(shown.distance + answered.distance) AS kinship
    FROM (SELECT DISTINCT class_id, predicted_class_id FROM pairs) AS pair
    JOIN lines AS shown ON shown.qid = pair.class_id
    JOIN lines AS answered ON answered.qid = pair.predicted_class_id AND answered.ancestor_qid = shown.ancestor_qid
    GROUP BY pair.class_id, pair.predicted_class_id
)

SELECT pairs.recipe, pairs.step, pairs.benchmark, pairs.class_id, pairs.predicted_class_id, pairs.count, kin.kinship
FROM pairs LEFT JOIN kin ON kin.class_id = pairs.class_id AND kin.predicted_class_id = pairs.predicted_class_id
