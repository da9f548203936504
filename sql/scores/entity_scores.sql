-- How well each checkpoint knows each entity.
SELECT
    predictions.recipe, predictions.step, predictions.benchmark,
    predictions.class_id AS qid, entities.label,
    count(*) AS count,
    avg((predictions.predicted_class_id = predictions.class_id)::INTEGER)::DOUBLE AS recall,
    avg(predictions.rank_of_true)::DOUBLE AS mean_rank
FROM predictions JOIN entities ON entities.qid = predictions.class_id
GROUP BY predictions.recipe, predictions.step, predictions.benchmark, predictions.class_id, entities.label
