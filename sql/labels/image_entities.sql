-- Entities of each picture: those whose search found it, and those that a text of it names well enough. What a retired query
-- found stays evidence, but its words are no caption any more: they may be an old name.
SELECT downloads.image_id, hits.qid, 'query' AS evidence, hits.query_id, coalesce(any_value(queries.text), '') AS query_text,
    min(hits.rank) AS rank, (1.0 / (1.0 + ln(min(hits.rank))))::DOUBLE AS score,
    NULL::DOUBLE AS prior, NULL::DOUBLE AS context, NULL::DOUBLE AS searched, NULL::DOUBLE AS image, NULL::DOUBLE AS threshold
FROM hits JOIN downloads ON downloads.url_id = hits.url_id LEFT JOIN queries ON queries.query_id = hits.query_id
WHERE downloads.image_id IN (SELECT image_id FROM images) AND hits.qid IN (SELECT qid FROM entities)
GROUP BY downloads.image_id, hits.qid, hits.query_id
UNION ALL
SELECT entity_links.image_id, entity_links.qid, 'text', '', '', NULL, entity_links.score,
    entity_links.prior, entity_links.context, entity_links.searched, entity_links.image, label_tail.threshold
FROM entity_links JOIN label_tail ON label_tail.qid = entity_links.qid
WHERE entity_links.place = 1 AND entity_links.score >= label_tail.threshold
