-- Classes of the entity classifier: every entity with a kept picture, numbered in the order of their ids.
SELECT
    row_number() OVER (ORDER BY entities.qid) - 1 AS class_index,
    entities.qid, entities.label,
    count(DISTINCT image_entities.image_id) AS image_count
FROM entities
JOIN image_entities ON image_entities.qid = entities.qid
JOIN kept_images ON kept_images.image_id = image_entities.image_id
GROUP BY entities.qid, entities.label
