-- Which class is taken for which, and how near of kin the two are in the graph.
WITH pairs AS (
    SELECT recipe, step, benchmark, class_id, predicted_class_id, count(*) AS count
    FROM predictions WHERE class_id <> predicted_class_id
    GROUP BY recipe, step, benchmark, class_id, predicted_class_id
),

kin AS (
    SELECT a.qid AS class_id, b.qid AS predicted_class_id, min(a.distance + b.distance) AS kinship
    FROM entity_parents AS a JOIN entity_parents AS b ON b.ancestor_qid = a.ancestor_qid
    WHERE a.qid <> b.qid
    GROUP BY a.qid, b.qid
)

SELECT pairs.recipe, pairs.step, pairs.benchmark, pairs.class_id, pairs.predicted_class_id, pairs.count, kin.kinship
FROM pairs LEFT JOIN kin ON kin.class_id = pairs.class_id AND kin.predicted_class_id = pairs.predicted_class_id
