-- What every rule says of every picture. Measures are made elsewhere and stored; here thresholds of the study decide, so that
-- deciding again measures nothing again. A rule that cannot be judged says so instead of keeping silent.
WITH mine AS (
    SELECT * FROM images
),

licences AS (
    SELECT downloads.image_id, min(urls.licence) AS refused
    FROM downloads JOIN urls USING (url_id)
    WHERE downloads.image_id IN (SELECT image_id FROM mine) AND urls.licence = ANY($licences_refused)
    GROUP BY downloads.image_id
),

nearest_leaks AS (
    SELECT image_id, min(phash_distance) AS distance, arg_min(benchmark, (phash_distance, benchmark)) AS benchmark
    FROM leaks GROUP BY image_id
),

judged AS (
    SELECT image_id, 'size' AS rule, least(original_width_px, original_height_px) < $min_side_px AS bad,
        'too_small' AS reason, least(original_width_px, original_height_px)::DOUBLE AS measure, $min_side_px::DOUBLE AS threshold
    FROM mine
    UNION ALL
    SELECT image_id, 'aspect', greatest(original_width_px, original_height_px) > $max_aspect * least(original_width_px, original_height_px),
        'too_long', greatest(original_width_px, original_height_px) / least(original_width_px, original_height_px), $max_aspect::DOUBLE
    FROM mine
    UNION ALL
    SELECT image_id, 'blank', entropy_bits < $min_entropy_bits, 'low_entropy', entropy_bits, $min_entropy_bits::DOUBLE FROM mine
    UNION ALL
    SELECT image_id, 'placeholder', url_count >= $placeholder_urls, 'served_everywhere', url_count::DOUBLE, $placeholder_urls::DOUBLE FROM mine
    UNION ALL
    SELECT mine.image_id, 'duplicate', likeness.image_id IS NOT NULL, 'near_duplicate_of_' || likeness.representative_id,
        likeness.phash_distance::DOUBLE, $duplicate_radius::DOUBLE
    FROM mine LEFT JOIN likeness ON likeness.image_id = mine.image_id
    UNION ALL
    SELECT mine.image_id, 'leak', nearest_leaks.image_id IS NOT NULL, 'held_out_in_' || nearest_leaks.benchmark,
        nearest_leaks.distance::DOUBLE, $leak_radius::DOUBLE
    FROM mine LEFT JOIN nearest_leaks ON nearest_leaks.image_id = mine.image_id
    UNION ALL
    SELECT mine.image_id, 'licence', licences.image_id IS NOT NULL, 'refused_' || licences.refused, NULL, NULL
    FROM mine LEFT JOIN licences ON licences.image_id = mine.image_id
    UNION ALL
    SELECT mine.image_id, 'relevance', CASE WHEN likeliness.relevance IS NOT NULL THEN likeliness.relevance < $min_relevance END,
        'unlike_its_entity', likeliness.relevance, $min_relevance::DOUBLE
    FROM mine LEFT JOIN embeddings AS likeliness ON likeliness.image_id = mine.image_id AND likeliness.encoder = $encoder
)

SELECT
    image_id,
    rule,
    CASE WHEN bad THEN 'reject' WHEN bad IS NULL THEN 'not_judged' ELSE 'keep' END AS verdict,
    CASE WHEN bad THEN reason WHEN bad IS NULL AND $encoder = '' THEN 'no_encoder' WHEN bad IS NULL THEN 'no_embedding' END AS reason,
    measure,
    threshold
FROM judged
