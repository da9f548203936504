-- Too few held-out classes are entities of the study with pictures: a score would be of names that nothing was learnt of.
SELECT benchmark, sum(source_classes) FILTER (WHERE status = 'joined') AS joined, sum(source_classes) AS classes, min_coverage
FROM benchmark_classes GROUP BY benchmark, min_coverage
HAVING coalesce(sum(source_classes) FILTER (WHERE status = 'joined'), 0) < min_coverage * sum(source_classes)
