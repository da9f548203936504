-- Figures are shares of something that was counted; one beyond 0 to 1, or of nothing, is a fault of the evaluation.
SELECT recipe, step, benchmark, protocol, metric, value, count FROM scores
WHERE NOT isfinite(value) OR value < 0 OR value > 1 OR count < 1 OR chance < 0 OR chance > 1
