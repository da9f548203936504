-- What linking does to rare entities: pictures whose texts name each entity, and how many of them pass. One threshold for all would
-- wipe out those that a scorer does not know, so that of an entity falls with the number of its pictures, from min_score down to
-- tail_share of it: threshold = min_score * (tail_share + (1 - tail_share) * n / (n + tail_pictures)).
WITH named AS (
    SELECT qid, score FROM entity_links WHERE place = 1
),

counted AS (
    SELECT entities.qid, entities.label, count(named.qid) AS named, count(named.qid) FILTER (WHERE named.score >= $min_score) AS at_min_score
    FROM entities LEFT JOIN named ON named.qid = entities.qid
    GROUP BY entities.qid, entities.label
),

limits AS (
    SELECT *, ($min_score * ($tail_share + (1 - $tail_share) * named / (named + $tail_pictures)))::DOUBLE AS threshold FROM counted
),

passed AS (
    SELECT named.qid, count(*) AS linked FROM named JOIN limits ON limits.qid = named.qid
    WHERE named.score >= limits.threshold GROUP BY named.qid
)

SELECT limits.qid, limits.label, limits.named, limits.threshold, coalesce(passed.linked, 0) AS linked, limits.at_min_score,
    limits.named < $tail_pictures AS tail
FROM limits LEFT JOIN passed ON passed.qid = limits.qid
