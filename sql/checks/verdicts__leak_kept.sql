-- A picture that a benchmark holds out must be rejected, or every score on that benchmark is worth nothing.
SELECT leaks.image_id, leaks.benchmark
FROM leaks LEFT JOIN verdicts ON verdicts.image_id = leaks.image_id AND verdicts.rule = 'leak'
WHERE verdicts.verdict IS DISTINCT FROM 'reject'
