-- An entity's root must be one that it is below, and its depth the distance to it: else it stands under a name out of thin air.
SELECT entities.qid, entities.root_qid, entities.depth
FROM entities
LEFT JOIN entity_roots ON entity_roots.qid = entities.qid AND entity_roots.root_qid = entities.root_qid
WHERE entity_roots.distance IS DISTINCT FROM entities.depth
