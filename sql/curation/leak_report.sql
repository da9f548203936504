-- Which searches brought held-out pictures of which benchmark, so that a leak can be traced to who answered what; a benchmark
-- without a leak, or without a picture to hold anything against, has a row that says so.
WITH registered AS (
    SELECT entry.benchmark AS benchmark FROM (SELECT UNNEST($benchmark_names) AS benchmark) AS entry WHERE entry.benchmark <> ''
    UNION
    SELECT benchmark FROM benchmark_images
),

held AS (
    SELECT benchmark, count(*) AS pictures FROM benchmark_images GROUP BY benchmark
),

found AS (
    SELECT DISTINCT hits.query_id, hits.provider, hits.qid, hits.query_text, hits.query_kind, downloads.image_id
    FROM hits JOIN downloads USING (url_id) WHERE downloads.image_id IS NOT NULL
),

brought AS (
    SELECT query_id, provider, count(DISTINCT image_id) AS images FROM found GROUP BY query_id, provider
),

leaking AS (
    SELECT
        leaks.benchmark, found.query_id, found.provider, min(found.qid) AS qid, min(found.query_text) AS query_text,
        min(found.query_kind) AS query_kind, count(DISTINCT leaks.image_id) AS leaked,
        count(DISTINCT leaks.image_id) FILTER (WHERE leaks.found_by <> 'embedding') AS by_hash,
        count(DISTINCT leaks.image_id) FILTER (WHERE leaks.found_by <> 'hash') AS by_embedding,
        count(DISTINCT leaks.benchmark_image_id) AS held_out, min(leaks.image_id) AS example_image_id,
        arg_min(leaks.benchmark_image_id, (leaks.image_id, leaks.benchmark_image_id)) AS example_held_out_id
    FROM leaks JOIN found USING (image_id)
    GROUP BY leaks.benchmark, found.query_id, found.provider
)

SELECT
    leaking.benchmark, leaking.query_id, leaking.provider, 'leaked' AS status, leaking.qid, entities.label, leaking.query_text,
    leaking.query_kind, brought.images, leaking.leaked, leaking.by_hash, leaking.by_embedding, leaking.held_out,
    leaking.example_image_id, leaking.example_held_out_id
FROM leaking
JOIN brought ON brought.query_id = leaking.query_id AND brought.provider = leaking.provider
LEFT JOIN entities ON entities.qid = leaking.qid
UNION ALL
SELECT
    registered.benchmark, '', '', CASE WHEN held.pictures IS NULL THEN 'no_held_out_pictures' ELSE 'clean' END, NULL, NULL, NULL, NULL,
    0, 0, 0, 0, coalesce(held.pictures, 0), NULL, NULL
FROM registered LEFT JOIN held ON held.benchmark = registered.benchmark
WHERE registered.benchmark NOT IN (SELECT benchmark FROM leaking)
