-- A release names every tar once with its hash and count, skips no more than a tar holds, and is one release.
SELECT coalesce(release.shard, shards.shard) AS shard, release.sample_count, shards.sample_count AS packed
FROM release FULL JOIN shards ON shards.shard = release.shard
WHERE release.tar_sha256 IS DISTINCT FROM shards.sha256
    OR release.sample_count IS DISTINCT FROM shards.sample_count
    OR release.skipped_count > release.sample_count
    OR (SELECT count(DISTINCT release_id) FROM release) > 1
