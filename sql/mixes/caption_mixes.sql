-- What a mix comes to on this release: weights are renormalised per picture over the sources that it has texts for, so the
-- share of a source is the mean over pictures, not the weight.
WITH packed AS (
    SELECT samples.image_id FROM samples JOIN kept_images USING (image_id)
    WHERE samples.image_id NOT IN (SELECT image_id FROM tombstones)
),

available AS (
    SELECT DISTINCT image_id, source FROM image_texts
    UNION
    SELECT DISTINCT image_entities.image_id, entity_texts.kind
    FROM image_entities JOIN entity_texts ON entity_texts.qid = image_entities.qid
    UNION
    SELECT DISTINCT image_id, 'query' FROM image_entities WHERE query_text <> ''
),

weights AS (
    SELECT entry.mix AS mix, entry.source AS source, entry.weight::DOUBLE AS weight FROM (SELECT UNNEST($mixes) AS entry)
),

drawn AS (
    SELECT packed.image_id, weights.mix, weights.source,
        weights.weight / sum(weights.weight) OVER (PARTITION BY packed.image_id, weights.mix) AS share
    FROM packed JOIN available USING (image_id) JOIN weights ON weights.source = available.source
),

pictures_with_text AS (
    SELECT mix, count(DISTINCT image_id) AS pictures FROM drawn GROUP BY mix
)

SELECT
    weights.mix, weights.source, weights.weight,
    round(coalesce(sum(drawn.share), 0) / greatest(coalesce(any_value(pictures_with_text.pictures), 1), 1), 9) AS effective_share,
    count(drawn.image_id) AS image_count
FROM weights
LEFT JOIN drawn ON drawn.mix = weights.mix AND drawn.source = weights.source
LEFT JOIN pictures_with_text ON pictures_with_text.mix = weights.mix
GROUP BY weights.mix, weights.source, weights.weight
