-- How many entities have attributes at all, and three or more, by source and by category: attributes are thin in Wikidata, and a study
-- that builds on them should know how thin. Every source and category has its row, also where nothing was found.
WITH kinds AS (
    SELECT 'total' AS kind, 'all' AS name
    UNION ALL
    SELECT 'source', UNNEST(['stated', 'inherited', 'mined', 'generated'])
    UNION ALL
    SELECT 'category', UNNEST(['colour', 'pattern', 'material', 'part', 'shape_size', 'environment', 'behaviour', 'other'])
),

counted AS (
    SELECT kinds.kind, kinds.name, attributes.qid, count(*) AS attributes
    FROM kinds JOIN attributes ON kinds.kind = 'total' OR kinds.name IN (attributes.source, attributes.category)
    GROUP BY kinds.kind, kinds.name, attributes.qid
),

total AS (
    SELECT count(*) AS entities FROM entities
)

SELECT
    kinds.kind,
    kinds.name,
    coalesce(sum(counted.attributes), 0)::BIGINT AS attributes,
    total.entities,
    count(counted.qid) AS with_one,
    count(counted.qid) FILTER (WHERE counted.attributes >= 3) AS with_three,
    count(counted.qid) / greatest(total.entities, 1) AS share_with_one,
    count(counted.qid) FILTER (WHERE counted.attributes >= 3) / greatest(total.entities, 1) AS share_with_three
FROM kinds CROSS JOIN total
LEFT JOIN counted ON counted.kind = kinds.kind AND counted.name = kinds.name
GROUP BY kinds.kind, kinds.name, total.entities
