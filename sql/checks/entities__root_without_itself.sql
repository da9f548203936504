-- An entity's root must be of this scope: a root that is nobody's ancestor would put entities under a name out of thin air.
SELECT qid, root_qid FROM entities
WHERE root_qid <> qid
    AND NOT EXISTS (
        SELECT 1 FROM entity_parents WHERE entity_parents.qid = entities.qid AND entity_parents.ancestor_qid = entities.root_qid
    )
