-- The same by branch of the hierarchy: which parts of a field are thin. A branch is a root of the study, or a class that an entity
-- is below; depth 0 is a root, 1 the classes right below it. Where the study names items, the classes above them are branches without
-- a root. An entity below two branches counts in both; sums are over entities, so a picture of two of them counts twice.
WITH placed AS (
    SELECT qid, arg_min(root_qid, (distance, list_position($roots::VARCHAR[], root_qid), root_qid)) AS root_qid, min(distance) AS depth
    FROM entity_roots GROUP BY qid
),

branches AS (
    SELECT qid AS branch_qid, root_qid, depth FROM placed
    UNION ALL
    SELECT qid, NULL, NULL FROM wikidata_items WHERE role = 'ancestor' AND qid NOT IN (SELECT qid FROM placed)
),

held AS (
    SELECT up.ancestor_qid AS branch_qid, up.qid FROM entity_parents AS up JOIN entities ON entities.qid = up.qid
    UNION
    SELECT above.ancestor_qid, above.ancestor_qid FROM entity_parents AS above JOIN entities ON entities.qid = above.ancestor_qid
    UNION
    SELECT root_qid, qid FROM entity_roots WHERE root_qid = ANY($roots::VARCHAR[])
),

names AS (
    SELECT qid, coalesce(
        list_filter(labels, lambda l: l.language = 'en')[1].text, list_filter(labels, lambda l: l.language = 'mul')[1].text, qid
    ) AS name
    FROM wikidata_items
),

summed AS (
    SELECT
        held.branch_qid, any_value(branches.root_qid) AS root_qid, any_value(branches.depth) AS depth,
        count(report.qid) AS entities,
        count(*) FILTER (WHERE report.kept < $thin_pictures) AS thin,
        count(*) FILTER (WHERE report.kept = 0) AS empty,
        coalesce(min(report.kept), 0) AS kept_min, coalesce(median(report.kept), 0)::DOUBLE AS kept_median,
        coalesce(sum(report.images), 0)::BIGINT AS images, coalesce(sum(report.kept), 0)::BIGINT AS kept,
        coalesce(sum(report.rejected), 0)::BIGINT AS rejected, coalesce(sum(report.duplicates), 0)::BIGINT AS duplicates,
        coalesce(sum(report.web_texts), 0)::BIGINT AS web_texts, coalesce(sum(report.graph_texts), 0)::BIGINT AS graph_texts
    FROM held
    JOIN branches ON branches.branch_qid = held.branch_qid
    LEFT JOIN entity_report AS report ON report.qid = held.qid
    GROUP BY held.branch_qid
    HAVING count(report.qid) > 0 OR held.branch_qid = ANY($roots::VARCHAR[])
),

parts AS (
    SELECT qid, 'provider' AS what, UNNEST(providers) AS part FROM entity_report
    UNION ALL
    SELECT qid, 'licence', UNNEST(licences) FROM entity_report
    UNION ALL
    SELECT qid, 'rule', UNNEST(rejected_by) FROM entity_report
),

counted AS (
    SELECT held.branch_qid, parts.what, parts.part.name AS name, sum(parts.part.pictures)::BIGINT AS pictures
    FROM held JOIN parts USING (qid) GROUP BY held.branch_qid, parts.what, parts.part.name
),

listed AS (
    SELECT branch_qid, what, list({'name': name, 'pictures': pictures} ORDER BY pictures DESC, name) AS counts
    FROM counted GROUP BY branch_qid, what
)

SELECT
    summed.branch_qid, coalesce(branch_name.name, summed.branch_qid) AS branch_label,
    summed.root_qid, root_name.name AS root_label, summed.depth,
    summed.entities, summed.thin, summed.thin / greatest(summed.entities, 1) AS thin_share, summed.empty,
    summed.kept_min, summed.kept_median,
    summed.images, summed.kept, summed.rejected, summed.duplicates, coalesce(rule.counts, []) AS rejected_by,
    summed.web_texts, summed.graph_texts,
    coalesce(provider.counts, []) AS providers, coalesce(licence.counts, []) AS licences
FROM summed
LEFT JOIN names AS branch_name ON branch_name.qid = summed.branch_qid
LEFT JOIN names AS root_name ON root_name.qid = summed.root_qid
LEFT JOIN listed AS rule ON rule.branch_qid = summed.branch_qid AND rule.what = 'rule'
LEFT JOIN listed AS provider ON provider.branch_qid = summed.branch_qid AND provider.what = 'provider'
LEFT JOIN listed AS licence ON licence.branch_qid = summed.branch_qid AND licence.what = 'licence'
