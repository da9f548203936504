-- Distinct picture addresses; what is said of an address is taken from the hit that ranks it best.
SELECT
    url_id,
    arg_min(image_url, (rank, query_id, provider)) AS image_url,
    regexp_extract(lower(arg_min(image_url, (rank, query_id, provider))), '^(?:https?|folder)://([^/?#]+)', 1) AS host,
    arg_min(licence, (rank, query_id, provider)) AS licence,
    nullif(arg_min(coalesce(author, ''), (rank, query_id, provider)), '') AS author,
    nullif(arg_min(coalesce(page_url, ''), (rank, query_id, provider)), '') AS landing_url,
    count(*) AS hit_count
FROM hits
WHERE slice_of(url_id, $slice_count) = $slice_index
GROUP BY url_id
