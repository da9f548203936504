-- Recipes by zero-shot accuracy, with the Wilson interval of the pooled pictures, so that nobody ranks noise.
WITH newest AS (
    SELECT * FROM checkpoints QUALIFY row_number() OVER (PARTITION BY recipe ORDER BY step DESC) = 1
),

zero_shot AS (
    SELECT recipe, step,
        avg(value) FILTER (WHERE metric = 'acc1') AS acc1,
        avg(value) FILTER (WHERE metric = 'mean_per_class_recall') AS mean_per_class_recall,
        avg(chance) FILTER (WHERE metric = 'acc1') AS chance,
        sum(count) FILTER (WHERE metric = 'acc1') AS pictures,
        sum(value * count) FILTER (WHERE metric = 'acc1') / sum(count) FILTER (WHERE metric = 'acc1') AS pooled
    FROM scores WHERE protocol = 'zero_shot' GROUP BY recipe, step
),

bounded AS (
    SELECT *, 1.959963984540054 AS z,
        (pooled + z * z / (2 * pictures)) / (1 + z * z / pictures) AS centre,
        z * sqrt(pooled * (1 - pooled) / pictures + z * z / (4 * pictures * pictures)) / (1 + z * z / pictures) AS half_width
    FROM zero_shot
)

SELECT
    row_number() OVER (ORDER BY bounded.acc1 DESC, newest.recipe) AS place,
    newest.recipe, newest.step, newest.mix, newest.tower, newest.seed, newest.samples_seen, newest.release_id,
    bounded.acc1, bounded.mean_per_class_recall,
    bounded.acc1 / bounded.chance AS times_chance,
    greatest(bounded.centre - bounded.half_width, 0) AS acc1_low,
    least(bounded.centre + bounded.half_width, 1) AS acc1_high
FROM newest JOIN bounded ON bounded.recipe = newest.recipe AND bounded.step = newest.step
