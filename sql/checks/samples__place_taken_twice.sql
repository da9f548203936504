-- Two pictures in one place of a tar would overwrite each other's order, and a gap would shift all that follow.
SELECT shard, count(*) AS pictures, count(DISTINCT shard_index) AS places, max(shard_index) AS last
FROM samples GROUP BY shard
HAVING count(*) <> count(DISTINCT shard_index) OR max(shard_index) <> count(*) - 1 OR min(shard_index) <> 0
