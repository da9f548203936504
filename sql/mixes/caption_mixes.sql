-- What a mix comes to on this release: how often the loader draws a source, which is a mean over pictures and not the weight,
-- because weights are renormalised over the texts that there are. The rule is that of entitynet_train/captions.py. What the labels
-- of a query come to does not depend on the picture, so it is reckoned once a query and entity; pictures are numbers, and the
-- sources that one has are the bits of a number, so that pictures alike are counted and not listed.
WITH packed AS MATERIALIZED (
    SELECT samples.image_id, row_number() OVER () AS picture FROM samples JOIN kept_images USING (image_id)
    WHERE samples.image_id NOT IN (SELECT image_id FROM tombstones)
),

facts AS (
    SELECT fact.mix AS mix, fact.two_stage AS two_stage, fact.web_share AS web_share, fact.ancestor_decay AS ancestor_decay,
        fact.ancestor_distance AS ancestor_distance
    FROM (SELECT UNNEST($mixes) AS fact)
),

weights AS (
    SELECT entry.mix AS mix, entry.query_kind AS query_kind, entry.source AS source, entry.unit AS unit,
        entry.place::INTEGER AS place, entry.weight AS weight
    FROM (SELECT UNNEST($mix_weights) AS entry)
),

asked AS MATERIALIZED (
    SELECT *, row_number() OVER () AS asking FROM (SELECT DISTINCT query_id, qid, query_kind FROM caption_links)
),

links AS MATERIALIZED (
    SELECT packed.picture, asked.asking, starts_with(asked.query_kind, 'linked') AS unasked
    FROM caption_links JOIN packed USING (image_id) JOIN asked USING (query_id, qid, query_kind)
),

labels AS (
    SELECT asking, query_kind, source, text, 0 AS distance FROM asked JOIN query_texts USING (query_id)
    UNION ALL
    SELECT asking, query_kind, kind, text, 0 FROM asked JOIN entity_texts USING (qid)
    UNION ALL
    SELECT asking, query_kind, 'ancestor', text, distance FROM asked JOIN ancestor_texts USING (qid)
),

weighed AS MATERIALIZED (
    SELECT facts.mix, facts.two_stage, asking, query_kind, text, distance, weights.unit, weights.place, weights.weight,
        CASE WHEN distance > 0 THEN facts.ancestor_decay ** (distance - 1) ELSE 1 END AS factor
    FROM labels JOIN weights USING (query_kind, source) JOIN facts USING (mix)
    WHERE trim(text) <> '' AND distance <= facts.ancestor_distance
),

-- The labels of a query in a mix of two stages: a unit's weight is divided over its texts, then equal texts are one.
in_units AS (
    SELECT mix, asking, query_kind, unit, text, any_value(weight) AS weight, max(factor) AS factor, arg_min(place, (distance, place)) AS place
    FROM weighed WHERE two_stage GROUP BY mix, asking, query_kind, unit, text
),

divided AS (
    SELECT *, weight / sum(factor) OVER (PARTITION BY mix, asking, unit) * factor AS share FROM in_units
),

collapsed AS (
    SELECT mix, asking, query_kind, arg_max(place, (share, -place)) AS place, max(share) AS share
    FROM divided GROUP BY mix, asking, query_kind, text
),

label_shares AS MATERIALIZED (
    SELECT mix, asking, query_kind, place, sum(share) / sum(sum(share)) OVER (PARTITION BY mix, asking) AS share
    FROM collapsed GROUP BY mix, asking, query_kind, place
),

bits AS MATERIALIZED (
    SELECT mix, asking, any_value(query_kind) AS query_kind, bit_or(1::BIGINT << place) AS has, true AS two_stage
    FROM label_shares GROUP BY mix, asking
    UNION ALL
    SELECT mix, asking, '', bit_or(1::BIGINT << place), false FROM weighed WHERE NOT two_stage GROUP BY mix, asking
),

-- Links that have a label: those of queries, others only where a picture has none of a query.
reached AS MATERIALIZED (
    SELECT bits.mix, links.picture, links.asking, bits.query_kind, bits.has
    FROM links JOIN bits USING (asking) WHERE bits.two_stage
    QUALIFY NOT links.unasked OR bool_and(links.unasked) OVER (PARTITION BY bits.mix, links.picture)
),

counted AS MATERIALIZED (
    SELECT mix, picture, count(*) AS link_count FROM reached GROUP BY mix, picture
),

-- Texts of the web, and everything in a flat mix.
said AS MATERIALIZED (
    SELECT mix, picture, bit_or(has) AS has FROM (
        SELECT weights.mix, packed.picture, 1::BIGINT << weights.place AS has
        FROM image_texts JOIN packed USING (image_id) JOIN weights USING (source)
        WHERE weights.query_kind = '' AND trim(image_texts.text) <> ''
        UNION ALL
        SELECT bits.mix, links.picture, bits.has FROM links JOIN bits USING (asking) WHERE NOT bits.two_stage
    ) GROUP BY mix, picture
),

alike AS (
    SELECT mix, said.has, counted.picture IS NOT NULL AS linked, count(*) AS picture_count
    FROM said LEFT JOIN counted USING (mix, picture) GROUP BY mix, said.has, linked
),

drawn_whole AS (
    SELECT mix, weights.place, picture_count,
        weights.weight / sum(weights.weight) OVER (PARTITION BY mix, alike.has, linked) * picture_count
        * CASE WHEN facts.two_stage AND linked THEN facts.web_share ELSE 1 END AS share
    FROM alike JOIN weights USING (mix) JOIN facts USING (mix)
    WHERE weights.query_kind = '' AND (alike.has >> weights.place) & 1 = 1
),

asking_parts AS (
    SELECT reached.mix, reached.asking,
        sum(CASE WHEN said.picture IS NULL THEN 1 ELSE 1 - facts.web_share END / counted.link_count) AS part
    FROM reached JOIN counted USING (mix, picture) JOIN facts USING (mix) LEFT JOIN said USING (mix, picture)
    GROUP BY reached.mix, reached.asking
),

drawn AS (
    SELECT mix, '' AS query_kind, place, sum(share) AS share FROM drawn_whole GROUP BY mix, place
    UNION ALL
    SELECT mix, query_kind, place, sum(part * share) FROM asking_parts JOIN label_shares USING (mix, asking) GROUP BY mix, query_kind, place
),

by_kind AS (
    SELECT mix, query_kind, has, count(*) AS picture_count
    FROM (SELECT mix, picture, query_kind, bit_or(has) AS has FROM reached GROUP BY mix, picture, query_kind)
    GROUP BY mix, query_kind, has
),

having_it AS (
    SELECT mix, '' AS query_kind, place, sum(picture_count) AS image_count FROM drawn_whole GROUP BY mix, place
    UNION ALL
    SELECT by_kind.mix, by_kind.query_kind, weights.place, sum(picture_count)
    FROM by_kind JOIN weights ON weights.mix = by_kind.mix AND weights.query_kind = by_kind.query_kind AND (has >> weights.place) & 1 = 1
    GROUP BY by_kind.mix, by_kind.query_kind, weights.place
),

pictures AS (
    SELECT mix, count(*) AS image_count
    FROM (SELECT mix, picture FROM said UNION SELECT mix, picture FROM counted) GROUP BY mix
),

kinds AS (
    SELECT '' AS query_kind
    UNION
    SELECT DISTINCT asked.query_kind FROM asked JOIN links USING (asking)
)

SELECT
    weights.mix,
    weights.query_kind,
    weights.source,
    weights.weight,
    round(coalesce(drawn.share / pictures.image_count, 0), 9) AS effective_share,
    coalesce(having_it.image_count, 0)::BIGINT AS image_count
FROM weights
JOIN kinds USING (query_kind)
JOIN facts ON facts.mix = weights.mix AND (facts.two_stage OR weights.query_kind = '')
LEFT JOIN drawn ON drawn.mix = weights.mix AND drawn.query_kind = weights.query_kind AND drawn.place = weights.place
LEFT JOIN having_it ON having_it.mix = weights.mix AND having_it.query_kind = weights.query_kind AND having_it.place = weights.place
LEFT JOIN pictures ON pictures.mix = weights.mix
