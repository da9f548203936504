-- Names of the classes and taxa above an entity, for captions one step or more up, and only as far up as a mix of the study weighs
-- (0: none does).
SELECT qid, ancestor_label AS text, min(distance) AS distance
FROM named_ancestors WHERE distance <= $ancestor_distance
GROUP BY qid, ancestor_label
