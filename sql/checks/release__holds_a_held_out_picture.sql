-- What a release yields must hold no picture of a benchmark, by its bytes or by what `leaks` found; the skip list may name it.
SELECT samples.image_id, samples.shard
FROM samples
WHERE samples.image_id IN (SELECT image_id FROM kept_images)
    AND samples.image_id NOT IN (SELECT image_id FROM tombstones)
    AND (samples.image_id IN (SELECT image_id FROM benchmark_images) OR samples.image_id IN (SELECT image_id FROM leaks))
