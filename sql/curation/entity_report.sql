-- What became of each entity's harvest, from searches to kept pictures and the words for them, so that thin entities are seen.
-- A picture found for two entities counts for both. Providers, hosts and licences are of kept pictures; one that two providers found
-- counts for both, so these counts may come to more than the pictures. A picture that two rules reject counts under both.
WITH found AS MATERIALIZED (
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
),

pictures AS MATERIALIZED (
    SELECT DISTINCT qid, image_id FROM found WHERE image_id IS NOT NULL
),

kept_pictures AS MATERIALIZED (
    SELECT pictures.qid, pictures.image_id FROM pictures JOIN kept_images USING (image_id)
),

repeated AS (
    SELECT pictures.qid, count(*) AS duplicates FROM pictures JOIN likeness USING (image_id) GROUP BY pictures.qid
),

said AS (
    SELECT image_id, count(DISTINCT (source, text)) AS texts FROM image_texts GROUP BY image_id
),

worded AS (
    SELECT kept_pictures.qid, count(*) AS with_text, sum(said.texts)::BIGINT AS web_texts
    FROM kept_pictures JOIN said USING (image_id) GROUP BY kept_pictures.qid
),

known AS (
    SELECT qid, count(*) AS graph_texts FROM entity_texts GROUP BY qid
),

origins AS MATERIALIZED (
    SELECT DISTINCT hits.qid, hits.provider, hits.licence, downloads.host, downloads.image_id
    FROM hits JOIN downloads USING (url_id) JOIN kept_images USING (image_id)
),

counted AS (
    SELECT qid, 'provider' AS what, provider AS name, count(DISTINCT image_id) AS pictures FROM origins GROUP BY qid, provider
    UNION ALL
    SELECT qid, 'licence', licence, count(DISTINCT image_id) FROM origins GROUP BY qid, licence
    UNION ALL
    SELECT qid, 'host', host, count(DISTINCT image_id) FROM origins GROUP BY qid, host
    UNION ALL
    SELECT pictures.qid, 'rule', verdicts.rule, count(*)
    FROM pictures JOIN verdicts USING (image_id) WHERE verdicts.verdict = 'reject' GROUP BY pictures.qid, verdicts.rule
),

listed AS (
    SELECT qid, what, list({'name': name, 'pictures': pictures} ORDER BY pictures DESC, name) AS counts FROM counted GROUP BY qid, what
)

SELECT
    entities.qid, entities.label,
    coalesce(asked.queries, 0) AS queries, coalesce(ranked.hits, 0) AS hits, coalesce(got.urls, 0) AS urls,
    coalesce(got.downloaded, 0) AS downloaded, coalesce(got.images, 0) AS images, coalesce(got.kept, 0) AS kept,
    coalesce(got.images - got.kept, 0) AS rejected,
    coalesce(repeated.duplicates, 0) AS duplicates,
    coalesce(rule.counts, []) AS rejected_by,
    coalesce(worded.web_texts, 0) AS web_texts, coalesce(worded.with_text, 0) AS with_text, coalesce(known.graph_texts, 0) AS graph_texts,
    coalesce(provider.counts, []) AS providers,
    coalesce(len(host.counts), 0) AS host_count, coalesce(host.counts[:10], []) AS hosts,
    coalesce(licence.counts, []) AS licences
FROM entities
LEFT JOIN asked ON asked.qid = entities.qid
LEFT JOIN ranked ON ranked.qid = entities.qid
LEFT JOIN got ON got.qid = entities.qid
LEFT JOIN repeated ON repeated.qid = entities.qid
LEFT JOIN worded ON worded.qid = entities.qid
LEFT JOIN known ON known.qid = entities.qid
LEFT JOIN listed AS rule ON rule.qid = entities.qid AND rule.what = 'rule'
LEFT JOIN listed AS provider ON provider.qid = entities.qid AND provider.what = 'provider'
LEFT JOIN listed AS host ON host.qid = entities.qid AND host.what = 'host'
LEFT JOIN listed AS licence ON licence.qid = entities.qid AND licence.what = 'licence'
