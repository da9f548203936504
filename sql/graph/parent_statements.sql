-- Statements that put a member, or what is above an item that the scope names, below another item, by the study's relations. Claims are long lists: they are unnested once, here,
-- and in a SELECT of their own, because a list unnested beside its row is first grouped by its whole value.
SELECT DISTINCT stated.qid, stated.claim.property_id AS property_id, stated.claim.value_qid AS parent_qid
FROM (SELECT qid, UNNEST(claims) AS claim FROM wikidata_items WHERE status = 'ok' AND role IN ('member', 'ancestor')) AS stated
WHERE stated.claim.property_id = ANY($relations) AND stated.claim.value_qid IS NOT NULL
