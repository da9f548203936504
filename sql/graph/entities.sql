-- Entities in scope: members of the closure with a name, under a root or named, above the sitelink threshold.
-- What is left out here stands in graph_integrity with its reason. The name is taken in the order en, mul, taxon name,
-- common name, title of the English page, because since 2024 labels that are the same everywhere move to `mul`.
-- The natural type is the nearest ancestor in scope that has a name and is not skipped as too abstract; of several as near,
-- the one with more sitelinks, as it is the better known word, then the one with the lower number.
WITH known AS (
    SELECT * FROM wikidata_items WHERE status = 'ok' AND role IN ('member', 'ancestor')
),

members AS (
    SELECT * FROM known WHERE role = 'member'
),

stated AS (
    SELECT qid, UNNEST(claims) AS claim FROM known
),

names AS (
    SELECT qid, label.text AS name, label.language AS source, CASE label.language WHEN 'en' THEN 1 ELSE 2 END AS preference
    FROM (SELECT qid, UNNEST(labels) AS label FROM known) WHERE label.language IN ('en', 'mul')
    UNION ALL
    SELECT qid, claim.value_text, 'taxon_name', 3 FROM stated
    WHERE claim.property_id = 'P225' AND claim.value_text IS NOT NULL
    UNION ALL
    SELECT qid, claim.value_text, 'common_name', 4 FROM stated
    WHERE claim.property_id = 'P1843' AND claim.language = 'en' AND claim.value_text IS NOT NULL
    UNION ALL
    SELECT qid, enwiki_title, 'sitelink', 5 FROM known WHERE enwiki_title IS NOT NULL
),

named AS (
    SELECT qid, arg_min(name, (preference, name)) AS label, arg_min(source, (preference, name)) AS label_source
    FROM names GROUP BY qid
),

rooted AS (
    SELECT qid, arg_min(root_qid, (distance, list_position($roots::VARCHAR[], root_qid))) AS root_qid, min(distance) AS depth
    FROM entity_roots GROUP BY qid
),

placed AS (
    SELECT qid, list_sort(list(DISTINCT parent_qid)) AS parent_qids FROM parent_statements WHERE qid <> parent_qid GROUP BY qid
),

typed AS (
    SELECT up.qid, arg_min(
        up.ancestor_qid, (up.distance, -coalesce(above.sitelink_count, 0), length(up.ancestor_qid), up.ancestor_qid)
    ) AS natural_type_qid
    FROM entity_parents AS up
    JOIN known AS above ON above.qid = up.ancestor_qid
    JOIN named ON named.qid = up.ancestor_qid
    WHERE up.ancestor_qid <> ALL($skip_types)
    GROUP BY up.qid
),

first_values AS (
    SELECT qid,
        min(claim.value_text) FILTER (WHERE claim.property_id = 'P18') AS image_title,
        min(claim.value_text) FILTER (WHERE claim.property_id = 'P373') AS commons_category
    FROM stated GROUP BY qid
)

SELECT
    members.qid,
    named.label,
    named.label_source,
    list_filter(members.descriptions, lambda d: d.language = 'en')[1].text AS description,
    rooted.root_qid,
    coalesce(root_name.label, rooted.root_qid) AS root_label,
    rooted.depth,
    coalesce(placed.parent_qids, []::VARCHAR[]) AS parent_qids,
    typed.natural_type_qid,
    type_name.label AS natural_type,
    coalesce(members.sitelink_count, 0) AS sitelink_count,
    first_values.image_title,
    first_values.commons_category
FROM members
JOIN named USING (qid)
JOIN rooted USING (qid)
LEFT JOIN named AS root_name ON root_name.qid = rooted.root_qid
LEFT JOIN placed ON placed.qid = members.qid
LEFT JOIN typed ON typed.qid = members.qid
LEFT JOIN named AS type_name ON type_name.qid = typed.natural_type_qid
LEFT JOIN first_values ON first_values.qid = members.qid
WHERE coalesce(members.sitelink_count, 0) >= $min_sitelinks
    AND NOT ($need_image AND first_values.image_title IS NULL)
    AND members.qid NOT IN (SELECT qid FROM stated WHERE stated.claim.property_id = ANY($exclude_having::VARCHAR[]))
    AND NOT ($leaves_only AND (
        members.qid = ANY($roots::VARCHAR[]) OR members.qid IN (SELECT parent_qid FROM parent_statements WHERE qid <> parent_qid)
    ))
    AND members.qid <> ALL($exclude)
    AND NOT EXISTS (SELECT 1 FROM entity_parents AS above WHERE above.qid = members.qid AND above.ancestor_qid = ANY($exclude))
    AND ($visual = 'off' OR members.qid IN (SELECT qid FROM visuality WHERE visual))
QUALIFY $entity_limit = 0 OR row_number() OVER (ORDER BY coalesce(members.sitelink_count, 0) DESC, members.qid) <= $entity_limit
