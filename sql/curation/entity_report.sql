-- What became of each entity's harvest, from searches to kept pictures; a picture found for two entities counts for both.
WITH found AS (
    SELECT DISTINCT hits.qid, hits.url_id, downloads.image_id
    FROM hits LEFT JOIN downloads ON downloads.url_id = hits.url_id
),

asked AS (
    SELECT qid, count(*) AS queries FROM queries GROUP BY qid
),

ranked AS (
    SELECT qid, count(*) AS hits FROM hits GROUP BY qid
),

got AS (
    SELECT found.qid, count(DISTINCT found.url_id) AS urls,
        count(DISTINCT found.url_id) FILTER (WHERE found.image_id IS NOT NULL) AS downloaded,
        count(DISTINCT found.image_id) AS images,
        count(DISTINCT kept_images.image_id) AS kept
    FROM found LEFT JOIN kept_images ON kept_images.image_id = found.image_id
    GROUP BY found.qid
)

SELECT
    entities.qid, entities.label,
    coalesce(asked.queries, 0) AS queries, coalesce(ranked.hits, 0) AS hits, coalesce(got.urls, 0) AS urls,
    coalesce(got.downloaded, 0) AS downloaded, coalesce(got.images, 0) AS images, coalesce(got.kept, 0) AS kept,
    coalesce(got.images - got.kept, 0) AS rejected
FROM entities
LEFT JOIN asked ON asked.qid = entities.qid
LEFT JOIN ranked ON ranked.qid = entities.qid
LEFT JOIN got ON got.qid = entities.qid
