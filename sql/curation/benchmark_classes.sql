-- What became of each held-out class: is it an entity of the study, and did its searches give pictures to learn from?
-- A benchmark whose classes do not meet the entities scores names that no picture was searched for.
WITH classes AS (
    SELECT benchmark, class_id, min(class_name) AS class_name, count(DISTINCT coalesce(source_class, class_id)) AS source_classes,
        count(*) AS held_out
    FROM benchmark_images GROUP BY benchmark, class_id
),

limits AS (
    SELECT entry.benchmark AS benchmark, entry.min_coverage::DOUBLE AS min_coverage FROM (SELECT UNNEST($coverage_limits) AS entry)
)

SELECT
    classes.benchmark, classes.class_id, classes.class_name, classes.source_classes,
    CASE WHEN entity_report.qid IS NULL THEN 'no_entity' WHEN entity_report.kept = 0 THEN 'no_pictures' ELSE 'joined' END AS status,
    classes.held_out,
    coalesce(entity_report.queries, 0) AS queries, coalesce(entity_report.hits, 0) AS hits, coalesce(entity_report.kept, 0) AS kept,
    coalesce(limits.min_coverage, 0) AS min_coverage
FROM classes
LEFT JOIN entity_report ON entity_report.qid = classes.class_id
LEFT JOIN limits ON limits.benchmark = classes.benchmark
