-- By which queries and entities a picture comes to its words: what loaders join texts on. A link of no query, or of one that is
-- no longer asked, is of kind `linked`; living is what has a taxon name, as for the kinds of published queries.
WITH living AS (
    SELECT DISTINCT qid FROM entity_texts WHERE kind = 'taxon_name'
)

SELECT DISTINCT
    image_entities.image_id,
    image_entities.qid,
    coalesce(queries.query_id, '') AS query_id,
    coalesce(queries.kind, 'linked') || CASE WHEN living.qid IS NULL THEN '' ELSE '_living' END AS query_kind
FROM image_entities
LEFT JOIN queries ON queries.query_id = image_entities.query_id
LEFT JOIN living ON living.qid = image_entities.qid
