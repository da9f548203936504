-- A loss that is no number means weights that are none, whatever the export looks like.
SELECT recipe, step, loss_first, loss_last FROM checkpoints
WHERE NOT isfinite(coalesce(loss_first, 0)) OR NOT isfinite(coalesce(loss_last, 0)) OR step < 0 OR samples_seen < 0
