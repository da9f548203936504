-- Too few held-out classes are entities of the study with pictures: a score would be of names that nothing was learnt of.
SELECT benchmark, coalesce(sum(source_classes) FILTER (WHERE status = 'joined'), 0)::BIGINT AS joined,
    sum(source_classes)::BIGINT AS classes, min_coverage,
    string_agg(class_name || ' (' || status || ')', ', ' ORDER BY class_name) FILTER (WHERE status <> 'joined') AS not_joined
FROM benchmark_classes GROUP BY benchmark, min_coverage
HAVING coalesce(sum(source_classes) FILTER (WHERE status = 'joined'), 0) < min_coverage * sum(source_classes)
