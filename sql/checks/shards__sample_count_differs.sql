-- A tar holds exactly the pictures that samples puts into it, and every one of these tars is there.
SELECT coalesce(shards.shard, packed.shard) AS shard, shards.sample_count, packed.pictures
FROM shards FULL JOIN (SELECT shard, count(*) AS pictures FROM samples GROUP BY shard) AS packed ON packed.shard = shards.shard
WHERE shards.sample_count IS DISTINCT FROM packed.pictures
