-- What changed since the last sealed round, each change with a sentence. Before the first seal everything is new, which is
-- no news: empty. Nothing goes in silence: an entity that went is here under its old name, with the id it was merged into
-- or the reason why it is none. Labels of parents are as of now, as the last round kept ids only;
-- a round sealed before parents were kept at all tells no moves.
WITH compared AS (
    SELECT
        coalesce(now.qid, before.qid) AS qid,
        now.qid IS NULL AS gone, before.qid IS NULL AS new,
        before.label AS old_label, now.label AS new_label,
        before.natural_type_qid AS old_type, now.natural_type_qid AS new_type,
        before.natural_type AS old_type_label, now.natural_type AS new_type_label,
        before.parent_qids AS old_parents, now.parent_qids AS new_parents
    FROM entities AS now FULL JOIN previous_entities AS before ON before.qid = now.qid
    WHERE EXISTS (SELECT 1 FROM previous_entities)
),

names AS (
    SELECT qid, coalesce(
        list_filter(labels, lambda l: l.language = 'en')[1].text, list_filter(labels, lambda l: l.language = 'mul')[1].text
    ) AS name
    FROM wikidata_items
),

left_out AS (
    SELECT qid, finding FROM graph_integrity
    WHERE finding IN ('outside_roots', 'no_label', 'few_sitelinks', 'no_image', 'excluded', 'excluded_by_statement', 'not_leaf', 'not_visual', 'over_limit')
),

departed AS (
    SELECT compared.qid, compared.old_label, item.redirect_qid, names.name AS redirect_name,
        CASE
            WHEN item.qid IS NULL THEN 'no longer found at or below the roots'
            WHEN item.status = 'missing' THEN 'Wikidata has it no more'
            WHEN item.status <> 'ok' THEN 'it could not be read'
            ELSE replace(coalesce(left_out.finding, 'outside_roots'), '_', ' ')
        END AS why
    FROM compared
    LEFT JOIN wikidata_items AS item ON item.qid = compared.qid
    LEFT JOIN names ON names.qid = item.redirect_qid
    LEFT JOIN left_out ON left_out.qid = compared.qid
    WHERE compared.gone
),

moved AS (
    SELECT qid, new_label, old_parents, new_parents FROM compared
    WHERE NOT new AND NOT gone AND old_parents <> new_parents
),

spelled AS (
    SELECT moved.qid, parent.is_new, string_agg(concat_ws(' ', parent.qid, names.name), ', ' ORDER BY parent.qid) AS parents
    FROM moved, UNNEST(
        list_transform(moved.old_parents, lambda p: {'qid': p, 'is_new': false})
        || list_transform(moved.new_parents, lambda p: {'qid': p, 'is_new': true})
    ) AS unnested(parent)
    LEFT JOIN names ON names.qid = parent.qid
    GROUP BY moved.qid, parent.is_new
)

SELECT qid, 'added' AS change, NULL::VARCHAR AS previous, new_label AS current, concat_ws(' ', qid, new_label) || ': new' AS words
FROM compared WHERE new
UNION ALL
SELECT qid, 'removed', old_label, NULL, concat_ws(' ', qid, old_label) || ': removed (' || why || ')'
FROM departed WHERE redirect_qid IS NULL
UNION ALL
SELECT qid, 'merged', old_label, redirect_qid, concat_ws(' ', qid, old_label) || ': merged into ' || concat_ws(' ', redirect_qid, redirect_name)
FROM departed WHERE redirect_qid IS NOT NULL
UNION ALL
SELECT qid, 'relabelled', old_label, new_label,
    concat_ws(' ', qid, old_label) || ': renamed from ''' || old_label || ''' to ''' || new_label || ''''
FROM compared WHERE NOT new AND NOT gone AND old_label <> new_label
UNION ALL
SELECT qid, 'retyped', old_type, new_type,
    concat_ws(' ', qid, new_label) || ': natural type changed from '
    || coalesce(nullif(concat_ws(' ', old_type, old_type_label), ''), 'none') || ' to '
    || coalesce(nullif(concat_ws(' ', new_type, new_type_label), ''), 'none')
FROM compared WHERE NOT new AND NOT gone AND old_type IS DISTINCT FROM new_type
UNION ALL
SELECT moved.qid, 'moved', nullif(array_to_string(old_parents, ','), ''), nullif(array_to_string(new_parents, ','), ''),
    concat_ws(' ', moved.qid, new_label) || ': moved from below ' || coalesce(was.parents, 'nothing')
    || ' to below ' || coalesce(is_now.parents, 'nothing')
FROM moved
LEFT JOIN spelled AS was ON was.qid = moved.qid AND NOT was.is_new
LEFT JOIN spelled AS is_now ON is_now.qid = moved.qid AND is_now.is_new
