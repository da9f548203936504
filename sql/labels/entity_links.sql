-- Which entities the texts of a picture may name, each with every component of its score, so that a threshold can be moved without
-- reading a text or embedding anything again. Candidates of one name are ranked by all components together: the name itself (prior),
-- the words around it (context), the search that found the picture (searched), the picture's likeness to "name: description" (image).
-- A component that says nothing is NULL, and its weight goes to the others. The formulas stand in docs/linking.md.
WITH mine AS (
    SELECT * FROM mentions
),

-- How often the name means the entity: the kind of the name times how well the entity is known, as a share of all so called.
weighed AS (
    SELECT entity_names.name, entity_names.qid,
        CASE entity_names.kind WHEN 'alias' THEN 0.25 WHEN 'common_name' THEN 0.5 ELSE 1.0 END * (1 + entities.sitelink_count) AS weight
    FROM entity_names JOIN entities ON entities.qid = entity_names.qid
    WHERE entity_names.reason IS NULL AND entity_names.name IN (SELECT name FROM mine)
),

priors AS (
    SELECT name, qid, weight / sum(weight) OVER (PARTITION BY name) AS prior FROM weighed
),

found AS (
    SELECT DISTINCT downloads.image_id, hits.qid FROM hits JOIN downloads ON downloads.url_id = hits.url_id
    WHERE downloads.image_id IN (SELECT image_id FROM mine)
),

-- What the picture is like in general: its cosines to 256 entities that a hash chooses. A likeness is told from these, because
-- cosines of one picture with all texts move together.
pictures AS (
    SELECT embeddings.image_id, embeddings.vector FROM embeddings
    WHERE embeddings.encoder = $encoder AND embeddings.image_id IN (SELECT image_id FROM mine)
),

background AS (
    SELECT vector FROM entity_vectors WHERE encoder = $encoder ORDER BY sha256(qid) LIMIT 256
),

usual AS (
    SELECT pictures.image_id, avg(list_dot_product(pictures.vector, background.vector)) AS centre,
        stddev_pop(list_dot_product(pictures.vector, background.vector)) AS spread
    FROM pictures CROSS JOIN background GROUP BY pictures.image_id
),

alike AS (
    SELECT pairs.image_id, pairs.qid, list_dot_product(pictures.vector, entity_vectors.vector)::DOUBLE AS cosine,
        1 / (1 + exp(-(cosine - usual.centre) / usual.spread)) AS image
    FROM (SELECT DISTINCT image_id, qid FROM mine) AS pairs
    JOIN pictures ON pictures.image_id = pairs.image_id
    JOIN usual ON usual.image_id = pairs.image_id AND usual.spread > 0
    JOIN entity_vectors ON entity_vectors.qid = pairs.qid AND entity_vectors.encoder = $encoder
),

judged AS (
    SELECT mine.image_id, mine.text_id, mine.begin_char, mine.surface, mine.name, mine.qid, priors.prior, mine.context,
        alike.cosine, alike.image,
        (found.qid IS NOT NULL)::DOUBLE / nullif(count(found.qid) OVER (
            PARTITION BY mine.image_id, mine.text_id, mine.begin_char), 0) AS searched
    FROM mine
    JOIN priors ON priors.name = mine.name AND priors.qid = mine.qid
    LEFT JOIN found ON found.image_id = mine.image_id AND found.qid = mine.qid
    LEFT JOIN alike ON alike.image_id = mine.image_id AND alike.qid = mine.qid
),

scored AS (
    SELECT *,
        ($weight_prior * prior + $weight_context * coalesce(context, 0) + $weight_searched * coalesce(searched, 0)
            + $weight_image * coalesce(image, 0))
        / ($weight_prior + CASE WHEN context IS NULL THEN 0 ELSE $weight_context END
            + CASE WHEN searched IS NULL THEN 0 ELSE $weight_searched END
            + CASE WHEN image IS NULL THEN 0 ELSE $weight_image END) AS score
    FROM judged
),

placed AS (
    SELECT *, row_number() OVER (
        PARTITION BY image_id, text_id, begin_char ORDER BY score DESC, prior DESC, length(qid), qid
    ) AS place
    FROM scored
),

-- A picture may name an entity in several texts: the best of these speaks for it.
best AS (
    SELECT *, row_number() OVER (PARTITION BY image_id, qid ORDER BY place = 1 DESC, score DESC, text_id, begin_char) AS choice,
        count(*) OVER (PARTITION BY image_id, qid) AS mentions
    FROM placed
)

SELECT image_id, qid, surface, name, text_id, begin_char, mentions, prior, context, searched, cosine, image, score, place
FROM best WHERE choice = 1
