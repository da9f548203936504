-- Statements that put a member below another item, by the study's relations. Claims are long lists: they are unnested once, here.
SELECT DISTINCT item.qid, claim.property_id, claim.value_qid AS parent_qid
FROM wikidata_items AS item, UNNEST(item.claims) AS unnested(claim)
WHERE item.status = 'ok' AND item.role = 'member' AND claim.property_id = ANY($relations) AND claim.value_qid IS NOT NULL
