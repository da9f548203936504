-- What hangs below each root by the class right below it, so that a class that pulls in a foreign world is seen at once: in
-- Wikidata, human < omnivore < animal makes most animals professions. The row of the root itself holds its totals.
-- The path goes down from the branch as long as one class holds over half of what the branch holds.
WITH RECURSIVE classes AS MATERIALIZED (
    SELECT DISTINCT qid, parent_qid FROM parent_statements WHERE property_id <> 'P31' AND qid <> parent_qid
),

below(root_qid, branch_qid, qid) AS (
    SELECT parent_qid, qid, qid FROM classes WHERE parent_qid = ANY($roots::VARCHAR[])
    UNION
    SELECT below.root_qid, below.branch_qid, classes.qid
    FROM below JOIN classes ON classes.parent_qid = below.qid
    WHERE classes.qid <> below.root_qid
),

held AS (
    SELECT root_qid, branch_qid, qid FROM below
    UNION
    SELECT below.root_qid, below.branch_qid, instance.qid
    FROM below JOIN parent_statements AS instance ON instance.parent_qid = below.qid
    WHERE instance.property_id = 'P31' AND instance.qid <> below.root_qid
    UNION
    SELECT root_qid, root_qid, qid FROM entity_roots
),

counted AS (
    SELECT held.root_qid, held.branch_qid, count(*) AS members, count(entities.qid) AS entities
    FROM held LEFT JOIN entities ON entities.qid = held.qid
    GROUP BY held.root_qid, held.branch_qid
),

weights AS (
    SELECT up.ancestor_qid AS qid, count(*) AS entities
    FROM entity_parents AS up JOIN entities ON entities.qid = up.qid GROUP BY up.ancestor_qid
),

widest AS MATERIALIZED (
    SELECT classes.parent_qid, arg_max(classes.qid, (weights.entities, classes.qid)) AS qid, max(weights.entities) AS entities
    FROM classes JOIN weights ON weights.qid = classes.qid GROUP BY classes.parent_qid
),

paths(root_qid, branch_qid, steps, entities) AS (
    SELECT root_qid, branch_qid, CASE WHEN branch_qid = root_qid THEN [root_qid] ELSE [branch_qid, root_qid] END, entities FROM counted
    UNION ALL
    SELECT paths.root_qid, paths.branch_qid, list_prepend(widest.qid, paths.steps), paths.entities
    FROM paths JOIN widest ON widest.parent_qid = paths.steps[1]
    WHERE paths.branch_qid <> paths.root_qid AND widest.entities * 2 > paths.entities
        AND NOT list_contains(paths.steps, widest.qid)
),

longest AS (
    SELECT root_qid, branch_qid, arg_max(steps, len(steps)) AS steps FROM paths GROUP BY root_qid, branch_qid
),

names AS (
    SELECT qid, coalesce(
        list_filter(labels, lambda l: l.language = 'en')[1].text, list_filter(labels, lambda l: l.language = 'mul')[1].text, qid
    ) AS name
    FROM wikidata_items
),

spelled AS (
    SELECT longest.root_qid, longest.branch_qid,
        string_agg(step.qid, ' < ' ORDER BY step.place) AS path_qids,
        string_agg(coalesce(names.name, step.qid), ' < ' ORDER BY step.place) AS path
    FROM longest, UNNEST(list_zip(longest.steps, range(len(longest.steps)))) AS unnested(pair),
        (SELECT pair[1] AS qid, pair[2] AS place) AS step
    LEFT JOIN names ON names.qid = step.qid
    GROUP BY longest.root_qid, longest.branch_qid
)

SELECT
    counted.root_qid,
    coalesce(root_name.name, counted.root_qid) AS root_label,
    counted.branch_qid,
    branch_name.name AS branch_label,
    counted.members,
    counted.entities,
    counted.entities / greatest(total.entities, 1) AS share,
    spelled.path_qids,
    spelled.path
FROM counted
JOIN counted AS total ON total.root_qid = counted.root_qid AND total.branch_qid = counted.root_qid
LEFT JOIN names AS root_name ON root_name.qid = counted.root_qid
JOIN names AS branch_name ON branch_name.qid = counted.branch_qid
JOIN spelled ON spelled.root_qid = counted.root_qid AND spelled.branch_qid = counted.branch_qid
