-- What a mix comes to on this release: how often the loader draws a source, which is a mean over pictures and not the weight,
-- because weights are renormalised over the texts that there are. The rule is that of entitynet_train/captions.py; what the
-- labels of a query come to does not depend on the picture, so it is reckoned once a query and entity.
WITH packed AS (
    SELECT samples.image_id FROM samples JOIN kept_images USING (image_id)
    WHERE samples.image_id NOT IN (SELECT image_id FROM tombstones)
),

facts AS (
    SELECT fact.mix AS mix, fact.two_stage AS two_stage, fact.web_share AS web_share, fact.ancestor_decay AS ancestor_decay,
        fact.ancestor_distance AS ancestor_distance
    FROM (SELECT UNNEST($mixes) AS fact)
),

weights AS (
    SELECT entry.mix AS mix, entry.query_kind AS query_kind, entry.source AS source, entry.unit AS unit, entry.place AS place,
        entry.weight AS weight
    FROM (SELECT UNNEST($mix_weights) AS entry)
),

links AS (
    SELECT * FROM caption_links WHERE image_id IN (SELECT image_id FROM packed)
),

asked AS (
    SELECT DISTINCT query_id, qid, query_kind FROM links
),

labels AS (
    SELECT asked.query_id, asked.qid, query_kind, source, text, 0 AS distance FROM asked JOIN query_texts USING (query_id)
    UNION ALL
    SELECT asked.query_id, asked.qid, query_kind, kind, text, 0 FROM asked JOIN entity_texts USING (qid)
    UNION ALL
    SELECT asked.query_id, asked.qid, query_kind, 'ancestor', text, distance FROM asked JOIN ancestor_texts USING (qid)
),

weighed AS (
    SELECT labels.*, facts.mix, facts.two_stage, weights.unit, weights.place, weights.weight,
        CASE WHEN distance > 0 THEN facts.ancestor_decay ** (distance - 1) ELSE 1 END AS factor
    FROM labels JOIN weights USING (query_kind, source) JOIN facts USING (mix)
    WHERE trim(text) <> '' AND distance <= facts.ancestor_distance
),

-- The labels of a query in a mix of two stages: a unit's weight is divided over its texts, then equal texts are one.
in_units AS (
    SELECT mix, query_id, qid, query_kind, unit, text, any_value(weight) AS weight, max(factor) AS factor,
        arg_min(source, (distance, place)) AS source, arg_min(place, (distance, place)) AS place
    FROM weighed WHERE two_stage GROUP BY mix, query_id, qid, query_kind, unit, text
),

divided AS (
    SELECT *, weight / sum(factor) OVER (PARTITION BY mix, query_id, qid, query_kind, unit) * factor AS share FROM in_units
),

collapsed AS (
    SELECT mix, query_id, qid, query_kind, arg_max(source, (share, -place)) AS source, max(share) AS share
    FROM divided GROUP BY mix, query_id, qid, query_kind, text
),

label_shares AS (
    SELECT mix, query_id, qid, query_kind, source, sum(share) / sum(sum(share)) OVER (PARTITION BY mix, query_id, qid, query_kind) AS share
    FROM collapsed GROUP BY mix, query_id, qid, query_kind, source
),

-- Links that have a label: those of queries, others only where a picture has none of a query.
reached AS (
    SELECT found.mix, links.image_id, links.query_id, links.qid, links.query_kind
    FROM links JOIN (SELECT DISTINCT mix, query_id, qid, query_kind FROM label_shares) AS found USING (query_id, qid, query_kind)
    QUALIFY NOT starts_with(links.query_kind, 'linked')
        OR bool_and(starts_with(links.query_kind, 'linked')) OVER (PARTITION BY found.mix, links.image_id)
),

counted AS (
    SELECT mix, image_id, count(*) AS link_count FROM reached GROUP BY mix, image_id
),

said AS (
    SELECT DISTINCT facts.mix, image_id, source, weight, facts.two_stage, facts.web_share
    FROM image_texts JOIN packed USING (image_id) JOIN weights USING (source) JOIN facts USING (mix)
    WHERE weights.query_kind = '' AND trim(text) <> ''
    UNION
    SELECT DISTINCT weighed.mix, links.image_id, weighed.source, weighed.weight, false, 0
    FROM links JOIN weighed USING (query_id, qid, query_kind) WHERE NOT weighed.two_stage
),

drawn_whole AS (
    SELECT said.mix, said.image_id, '' AS query_kind, said.source,
        said.weight / sum(said.weight) OVER (PARTITION BY said.mix, said.image_id)
        * CASE WHEN said.two_stage AND counted.link_count > 0 THEN said.web_share ELSE 1 END AS share
    FROM said LEFT JOIN counted USING (mix, image_id)
),

spoken AS (
    SELECT DISTINCT mix, image_id FROM said
),

drawn AS (
    SELECT mix, image_id, query_kind, source, share FROM drawn_whole
    UNION ALL
    SELECT reached.mix, reached.image_id, reached.query_kind, label_shares.source,
        label_shares.share / counted.link_count * CASE WHEN spoken.image_id IS NULL THEN 1 ELSE 1 - facts.web_share END
    FROM reached JOIN label_shares USING (mix, query_id, qid, query_kind) JOIN counted USING (mix, image_id) JOIN facts USING (mix)
    LEFT JOIN spoken ON spoken.mix = reached.mix AND spoken.image_id = reached.image_id
),

pictures AS (
    SELECT mix, count(DISTINCT image_id) AS image_count FROM drawn GROUP BY mix
),

kinds AS (
    SELECT '' AS query_kind
    UNION
    SELECT DISTINCT query_kind FROM asked
)

SELECT
    weights.mix, weights.query_kind, weights.source, weights.weight,
    round(coalesce(sum(drawn.share), 0) / greatest(coalesce(any_value(pictures.image_count), 1), 1), 9) AS effective_share,
    count(DISTINCT drawn.image_id) AS image_count
FROM weights
JOIN kinds USING (query_kind)
JOIN facts ON facts.mix = weights.mix AND (facts.two_stage OR weights.query_kind = '')
LEFT JOIN drawn ON drawn.mix = weights.mix AND drawn.query_kind = weights.query_kind AND drawn.source = weights.source
LEFT JOIN pictures ON pictures.mix = weights.mix
GROUP BY weights.mix, weights.query_kind, weights.source, weights.weight
