-- How many pictures an epoch of a mix has, and what balancing does for the tail: entities with no more pictures than the limit.
-- Chances are those of entitynet_train/epochs.py, so an epoch's figures are expected values.
WITH packed AS (
    SELECT samples.image_id FROM samples JOIN kept_images USING (image_id)
    WHERE samples.image_id NOT IN (SELECT image_id FROM tombstones)
),

facts AS (
    SELECT fact.mix AS mix, fact.ancestor_distance AS ancestor_distance, fact.balance AS balance, fact.most::BIGINT AS most
    FROM (SELECT UNNEST($mixes) AS fact)
),

weights AS (
    SELECT entry.mix AS mix, entry.query_kind AS query_kind, entry.source AS source FROM (SELECT UNNEST($mix_weights) AS entry)
),

links AS (
    SELECT * FROM caption_links WHERE image_id IN (SELECT image_id FROM packed)
),

found AS (
    SELECT links.image_id, links.query_kind, query_texts.source, query_texts.text, 0 AS distance FROM links JOIN query_texts USING (query_id)
    UNION ALL
    SELECT links.image_id, links.query_kind, entity_texts.kind, entity_texts.text, 0 FROM links JOIN entity_texts USING (qid)
    UNION ALL
    SELECT links.image_id, links.query_kind, 'ancestor', ancestor_texts.text, distance FROM links JOIN ancestor_texts USING (qid)
    UNION ALL
    SELECT image_id, '', source, text, 0 FROM image_texts WHERE image_id IN (SELECT image_id FROM packed)
),

usable AS (
    SELECT DISTINCT facts.mix, found.image_id FROM found JOIN weights USING (query_kind, source) JOIN facts USING (mix)
    WHERE trim(found.text) <> '' AND found.distance <= facts.ancestor_distance
),

shown AS (
    SELECT DISTINCT usable.mix, usable.image_id, links.qid, facts.most
    FROM usable JOIN links USING (image_id) JOIN facts USING (mix) WHERE facts.balance <> 'none'
),

counted AS (
    SELECT mix, image_id, qid, most, count(*) OVER (PARTITION BY mix, qid) AS picture_count FROM shown
),

chances AS (
    SELECT mix, image_id, count(*) AS entities, count(*) FILTER (WHERE picture_count <= most) AS rare,
        1 - product(1 - most / greatest(picture_count, most)) AS any_keeps, product(least(1, most / picture_count)) AS all_keep
    FROM counted GROUP BY mix, image_id
),

kept AS (
    SELECT usable.mix, facts.balance, facts.most, coalesce(chances.entities, 0) AS entities, coalesce(chances.rare, 0) AS rare,
        CASE facts.balance WHEN 'threshold' THEN coalesce(chances.any_keeps, 0) WHEN 'per_entity' THEN coalesce(chances.all_keep, 1)
            ELSE 1 END AS chance
    FROM usable JOIN facts USING (mix) LEFT JOIN chances USING (mix, image_id)
)

SELECT
    facts.mix,
    facts.balance,
    nullif(facts.most, 0) AS most,
    count(kept.mix) AS image_count,
    round(coalesce(sum(kept.chance), 0), 6) AS images_per_epoch,
    round(sum(kept.rare) / nullif(sum(kept.entities), 0), 9) AS tail_share,
    round(sum(kept.rare * kept.chance) / nullif(sum(kept.entities * kept.chance), 0), 9) AS tail_share_per_epoch
FROM facts LEFT JOIN kept USING (mix)
GROUP BY facts.mix, facts.balance, facts.most
