-- Why a member is no entity, one reason each, and faults of the graph worth a look. Reasons come in the order: what the graph
-- lacks (a root, a name), then what the study asks for. Cycles are whole: each strongly connected set of classes is one row.
-- They are found among what is left when classes without children are taken away again and again, so that the search for
-- mutual ancestors meets a few hundred classes and not a million.
WITH RECURSIVE members AS (
    SELECT * FROM wikidata_items WHERE status = 'ok' AND role = 'member'
),

classes AS MATERIALIZED (
    SELECT DISTINCT qid, parent_qid FROM parent_statements WHERE property_id <> 'P31' AND qid <> parent_qid
),

peeled(qid, gone) USING KEY (qid) AS (
    SELECT DISTINCT qid, true FROM classes WHERE qid NOT IN (SELECT parent_qid FROM classes)
    UNION
    SELECT child.parent_qid, true
    FROM (SELECT DISTINCT classes.parent_qid AS qid FROM peeled JOIN classes ON classes.qid = peeled.qid) AS candidate
    JOIN classes AS child ON child.parent_qid = candidate.qid
    LEFT JOIN recurring.peeled AS away ON away.qid = child.qid
    GROUP BY child.parent_qid HAVING count(away.qid) = count(*)
),

knotted AS MATERIALIZED (
    SELECT classes.qid, classes.parent_qid FROM classes
    WHERE classes.qid NOT IN (SELECT qid FROM peeled) AND classes.parent_qid IN (SELECT qid FROM classes)
),

reach(qid, ancestor_qid) AS (
    SELECT qid, parent_qid FROM knotted
    UNION
    SELECT reach.qid, knotted.parent_qid FROM reach JOIN knotted ON knotted.qid = reach.ancestor_qid
),

cycles AS (
    SELECT there.qid, arg_min(there.ancestor_qid, (length(there.ancestor_qid), there.ancestor_qid)) AS first_qid
    FROM reach AS there JOIN reach AS back ON back.qid = there.ancestor_qid AND back.ancestor_qid = there.qid
    GROUP BY there.qid
),

has_name AS (
    SELECT qid FROM members
    WHERE enwiki_title IS NOT NULL
        OR len(list_filter(labels, lambda l: l.language IN ('en', 'mul'))) > 0
        OR len(list_filter(claims, lambda c: c.value_text IS NOT NULL
            AND (c.property_id = 'P225' OR (c.property_id = 'P1843' AND c.language = 'en')))) > 0
),

left_out AS (
    SELECT members.qid,
        CASE
            WHEN members.qid NOT IN (SELECT qid FROM entity_roots) THEN 'outside_roots'
            WHEN members.qid NOT IN (SELECT qid FROM has_name) THEN 'no_label'
            WHEN coalesce(members.sitelink_count, 0) < $min_sitelinks THEN 'few_sitelinks'
            WHEN $need_image AND len(list_filter(
                members.claims, lambda c: c.property_id = 'P18' AND c.value_text IS NOT NULL
            )) = 0 THEN 'no_image'
            WHEN members.qid = ANY($exclude) OR members.qid IN (
                SELECT qid FROM entity_parents WHERE ancestor_qid = ANY($exclude)
            ) THEN 'excluded'
            WHEN list_has_any(list_transform(members.claims, lambda c: c.property_id), $exclude_having::VARCHAR[])
                THEN 'excluded_by_statement'
            WHEN $leaves_only AND (members.qid = ANY($roots::VARCHAR[]) OR members.qid IN (
                SELECT parent_qid FROM parent_statements WHERE qid <> parent_qid
            )) THEN 'not_leaf'
            WHEN $visual <> 'off' AND members.qid NOT IN (SELECT qid FROM visuality WHERE visual) THEN 'not_visual'
            ELSE 'over_limit'
        END AS finding
    FROM members WHERE members.qid NOT IN (SELECT qid FROM entities)
),

gaps AS (
    SELECT entities.qid, list_filter(
        $languages, lambda asked: asked <> 'mul' AND NOT list_contains(list_transform(members.labels, lambda l: l.language), asked)
    ) AS languages
    FROM entities JOIN members ON members.qid = entities.qid
    WHERE len(list_filter(members.labels, lambda l: l.language = 'mul')) = 0
),

shared AS (
    SELECT one.root_qid, other.root_qid AS other_qid, count(*) AS entities
    FROM entities
    JOIN entity_roots AS one ON one.qid = entities.qid
    JOIN entity_roots AS other ON other.qid = entities.qid
    WHERE list_position($roots::VARCHAR[], one.root_qid) < list_position($roots::VARCHAR[], other.root_qid)
    GROUP BY one.root_qid, other.root_qid
)

SELECT 'not_ok' AS finding, qid, status || coalesce(': ' || reason, '') AS detail FROM wikidata_items WHERE status <> 'ok'
UNION ALL
SELECT left_out.finding, left_out.qid,
    CASE left_out.finding WHEN 'not_visual' THEN visuality.reason ELSE 'not an entity of this study' END
FROM left_out LEFT JOIN visuality ON visuality.qid = left_out.qid
UNION ALL
SELECT 'cycle', first_qid, 'each below all others: ' || string_agg(qid, ', ' ORDER BY length(qid), qid) FROM cycles GROUP BY first_qid
UNION ALL
SELECT DISTINCT 'cycle', qid, 'is stated to be below itself' FROM parent_statements WHERE parent_qid = qid
UNION ALL
SELECT 'unknown_parent', qid, property_id || ' ' || parent_qid FROM parent_statements
WHERE parent_qid NOT IN (SELECT qid FROM wikidata_items)
UNION ALL
SELECT 'no_rank', qid, 'statements without a rank: ' || array_to_string(list_sort(list_distinct(
    list_transform(list_filter(claims, lambda c: c.rank IS NULL), lambda c: c.property_id)
)), ', ')
FROM members WHERE len(list_filter(claims, lambda c: c.rank IS NULL)) > 0
UNION ALL
SELECT 'label_gap', qid, 'no label in ' || array_to_string(languages, ', ') FROM gaps WHERE len(languages) > 0
UNION ALL
SELECT 'no_natural_type', qid, label FROM entities WHERE natural_type IS NULL
UNION ALL
SELECT 'many_roots', root_qid, entities || ' entities are also at or below ' || other_qid FROM shared
UNION ALL
SELECT 'wide_branch', branch_qid,
    entities || ' entities, ' || round(100 * share)::BIGINT || ' of 100 of root ' || root_qid || ', by ' || path
    || '; if they are not meant, exclude one of ' || path_qids
FROM root_branches WHERE share > $max_branch_share AND entities >= $min_branch_entities AND branch_qid <> ALL($roots::VARCHAR[])
