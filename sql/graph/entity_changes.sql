-- What changed since the last sealed round. Before the first seal everything is new, which is no news: empty.
WITH compared AS (
    SELECT
        coalesce(now.qid, before.qid) AS qid,
        now.qid IS NULL AS gone, before.qid IS NULL AS new,
        before.label AS old_label, now.label AS new_label,
        before.natural_type_qid AS old_type, now.natural_type_qid AS new_type
    FROM entities AS now FULL JOIN previous_entities AS before ON before.qid = now.qid
    WHERE EXISTS (SELECT 1 FROM previous_entities)
)

SELECT qid, 'added' AS change, NULL::VARCHAR AS previous, new_label AS current FROM compared WHERE new
UNION ALL
SELECT qid, 'removed', old_label, NULL FROM compared WHERE gone
UNION ALL
SELECT qid, 'relabelled', old_label, new_label FROM compared WHERE NOT new AND NOT gone AND old_label <> new_label
UNION ALL
SELECT qid, 'retyped', old_type, new_type FROM compared WHERE NOT new AND NOT gone AND old_type IS DISTINCT FROM new_type
