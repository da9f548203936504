-- What to search more for in the next round: entities that the best recipe knows badly or that kept few pictures.
-- Read as previous_harvest_plan by the next round's queries; nothing flows back within a round.
WITH best AS (
    SELECT recipe, step FROM leaderboard WHERE place = 1
),

known AS (
    SELECT entity_scores.qid, avg(entity_scores.recall) AS recall
    FROM entity_scores JOIN best ON best.recipe = entity_scores.recipe AND best.step = entity_scores.step
    GROUP BY entity_scores.qid
),

weighed AS (
    SELECT entity_report.qid, entity_report.label, known.recall, entity_report.kept,
        coalesce(known.recall < 0.5, false) AS weak,
        entity_report.kept < 0.5 * (SELECT median(kept) FROM entity_report) AS few
    FROM entity_report LEFT JOIN known ON known.qid = entity_report.qid
)

SELECT
    qid, label,
    row_number() OVER (ORDER BY coalesce(recall, 0) + 0.01 * kept, qid) AS place,
    recall, kept,
    (weak::BIGINT + few::BIGINT) * 2 AS extra_queries,
    CASE WHEN weak AND few THEN 'weak_and_few_pictures' WHEN weak THEN 'weak' WHEN few THEN 'few_pictures' ELSE 'enough' END AS reason
FROM weighed
