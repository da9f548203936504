-- What every rule says of every picture. Measures are made elsewhere and stored; here thresholds of the study decide, so that
-- deciding again measures nothing again. A rule that cannot be judged says so instead of keeping silent. docs/curation.md has the rules.
WITH mine AS (
    SELECT * FROM images
),

licences AS (
    SELECT downloads.image_id,
        bool_or(coalesce(urls.licence, 'unknown') = ANY($licences_allowed)) AS allowed,
        min(coalesce(urls.licence, 'unknown')) FILTER (WHERE coalesce(urls.licence, 'unknown') = ANY($licences_refused)) AS refused,
        min(coalesce(urls.licence, 'unknown')) AS stated
    FROM downloads LEFT JOIN urls USING (url_id)
    WHERE downloads.image_id IN (SELECT image_id FROM mine)
    GROUP BY downloads.image_id
),

nearest_leaks AS (
    SELECT image_id, bool_or(found_by <> 'embedding') AS by_hash, min(phash_distance) AS distance, max(cosine) AS cosine,
        arg_min(benchmark, (phash_distance, benchmark)) AS benchmark, arg_max(benchmark, (cosine, benchmark)) AS like_benchmark
    FROM leaks GROUP BY image_id
),

worded AS (
    SELECT DISTINCT downloads.image_id
    FROM hits JOIN downloads USING (url_id)
    WHERE downloads.image_id IN (SELECT image_id FROM mine) AND trim(coalesce(hits.alt_text, '') || coalesce(hits.title, '')) <> ''
),

texts AS (
    SELECT image_id, count(DISTINCT text) AS count,
        min(lower(regexp_extract(text, $refused_pattern, 2))) FILTER (WHERE $refused_pattern <> '' AND regexp_matches(text, $refused_pattern))
            AS refused
    FROM image_texts GROUP BY image_id
),

rules AS (
    SELECT entry.screen, entry.rule, entry.margin, entry.scored_by FROM (SELECT UNNEST($screen_rules) AS entry)
    WHERE entry.scored_by <> ''  -- prompts without an encoder judge nothing
),

no_rule AS (
    SELECT CASE WHEN $encoder = '' AND count(*) = 0 THEN 'no_encoder' ELSE 'no_screen' END AS reason FROM rules
),

screened AS (
    SELECT screens.image_id, rules.rule, arg_max(screens.screen, (screens.score - rules.margin, screens.screen)) AS screen,
        arg_max(screens.score, (screens.score - rules.margin, screens.screen)) AS score,
        arg_max(rules.margin, (screens.score - rules.margin, screens.screen))::DOUBLE AS margin
    FROM screens JOIN rules ON rules.screen = screens.screen AND rules.scored_by = screens.scored_by
    GROUP BY screens.image_id, rules.rule
),

unscored AS (  -- a picture passes a rule only if all that score for it did
    SELECT wanted.image_id, wanted.rule, min(CASE WHEN wanted.scored_by = $encoder THEN 'no_embedding' ELSE 'no_score' END) AS reason
    FROM (SELECT DISTINCT mine.image_id, rules.rule, rules.scored_by FROM mine CROSS JOIN rules) AS wanted
    ANTI JOIN screens ON screens.image_id = wanted.image_id AND screens.scored_by = wanted.scored_by
    GROUP BY wanted.image_id, wanted.rule
),

served AS (
    SELECT representative_id, any_value(representative_url_count) + sum(url_count) AS url_count FROM likeness GROUP BY representative_id
),

blocked AS (
    SELECT image_id, min(distance) AS distance, arg_min(entry, (distance, entry)) AS entry FROM blocked_images GROUP BY image_id
),

judged AS (
    SELECT image_id, 'size' AS rule, least(original_width_px, original_height_px) < $min_side_px AS bad,
        'too_small' AS reason, least(original_width_px, original_height_px)::DOUBLE AS measure, $min_side_px::DOUBLE AS threshold,
        NULL AS remark
    FROM mine
    UNION ALL
    SELECT image_id, 'aspect', greatest(original_width_px, original_height_px) > $max_aspect * least(original_width_px, original_height_px),
        'too_long', greatest(original_width_px, original_height_px) / least(original_width_px, original_height_px), $max_aspect::DOUBLE, NULL
    FROM mine
    UNION ALL
    SELECT image_id, 'blank', entropy_bits < $min_entropy_bits, 'low_entropy', entropy_bits, $min_entropy_bits::DOUBLE, NULL FROM mine
    UNION ALL
    SELECT mine.image_id, 'placeholder', coalesce(served.url_count, mine.url_count) >= $placeholder_urls, 'served_everywhere',
        coalesce(served.url_count, mine.url_count)::DOUBLE, $placeholder_urls::DOUBLE, NULL
    FROM mine LEFT JOIN likeness ON likeness.image_id = mine.image_id
    LEFT JOIN served ON served.representative_id = coalesce(likeness.representative_id, mine.image_id)
    UNION ALL
    SELECT mine.image_id, 'duplicate', likeness.image_id IS NOT NULL, 'near_duplicate_of_' || likeness.representative_id,
        likeness.correlation, $duplicate_correlation::DOUBLE, NULL
    FROM mine LEFT JOIN likeness ON likeness.image_id = mine.image_id
    UNION ALL
    SELECT mine.image_id, 'leak', leak.image_id IS NOT NULL,
        CASE WHEN leak.by_hash THEN 'held_out_in_' || leak.benchmark ELSE 'looks_held_out_in_' || leak.like_benchmark END,
        CASE WHEN leak.by_hash IS DISTINCT FROM false THEN leak.distance ELSE leak.cosine END::DOUBLE,
        CASE WHEN leak.by_hash IS DISTINCT FROM false THEN $leak_radius ELSE $leak_cosine END::DOUBLE, NULL
    FROM mine LEFT JOIN nearest_leaks AS leak ON leak.image_id = mine.image_id
    UNION ALL
    SELECT mine.image_id, 'licence',
        CASE WHEN len($licences_allowed) > 0 THEN NOT coalesce(licences.allowed, false) ELSE licences.refused IS NOT NULL END,
        coalesce('refused_' || licences.refused, 'not_allowed_' || coalesce(licences.stated, 'unknown')), NULL, NULL, NULL
    FROM mine LEFT JOIN licences ON licences.image_id = mine.image_id
    UNION ALL
    SELECT mine.image_id, 'text',
        CASE WHEN texts.refused IS NOT NULL THEN true
            WHEN texts.count IS NOT NULL OR worded.image_id IS NOT NULL THEN coalesce(texts.count, 0) < $min_texts END,
        CASE WHEN texts.refused IS NOT NULL THEN 'refused_word_' || texts.refused WHEN texts.count > 0 THEN 'few_texts' ELSE 'only_boilerplate' END,
        CASE WHEN texts.refused IS NULL AND (texts.count IS NOT NULL OR worded.image_id IS NOT NULL) THEN coalesce(texts.count, 0) END::DOUBLE,
        $min_texts::DOUBLE,
        CASE WHEN texts.count IS NULL AND worded.image_id IS NULL THEN 'no_text' WHEN texts.count IS NULL THEN 'only_boilerplate' END
    FROM mine LEFT JOIN texts ON texts.image_id = mine.image_id LEFT JOIN worded ON worded.image_id = mine.image_id
    UNION ALL
    SELECT mine.image_id, 'unwanted',
        CASE WHEN screened.score >= screened.margin THEN true WHEN screened.score IS NOT NULL AND unscored.reason IS NULL THEN false END,
        'unwanted_' || screened.screen, screened.score, screened.margin,
        CASE WHEN 'unwanted' NOT IN (SELECT rule FROM rules) THEN (SELECT reason FROM no_rule) ELSE unscored.reason END
    FROM mine LEFT JOIN screened ON screened.image_id = mine.image_id AND screened.rule = 'unwanted'
    LEFT JOIN unscored ON unscored.image_id = mine.image_id AND unscored.rule = 'unwanted'
    UNION ALL
    SELECT mine.image_id, 'people',
        CASE WHEN $people = 'off' THEN NULL WHEN screened.score >= screened.margin THEN $people = 'reject'
            WHEN screened.score IS NOT NULL AND unscored.reason IS NULL THEN false END,
        'shows_people', screened.score, screened.margin,
        CASE WHEN $people = 'off' THEN 'rule_off' WHEN 'people' NOT IN (SELECT rule FROM rules) THEN (SELECT reason FROM no_rule)
            WHEN screened.score >= screened.margin THEN 'shows_people' ELSE unscored.reason END
    FROM mine LEFT JOIN screened ON screened.image_id = mine.image_id AND screened.rule = 'people'
    LEFT JOIN unscored ON unscored.image_id = mine.image_id AND unscored.rule = 'people'
    UNION ALL
    SELECT mine.image_id, 'blocklist', CASE WHEN $blocklist <> '' THEN blocked.image_id IS NOT NULL END, 'listed_as_' || blocked.entry,
        blocked.distance::DOUBLE, $blocklist_radius::DOUBLE, CASE WHEN $blocklist = '' THEN 'no_list' END
    FROM mine LEFT JOIN blocked ON blocked.image_id = mine.image_id
    UNION ALL
    SELECT mine.image_id, 'relevance', CASE WHEN likeliness.relevance IS NOT NULL THEN likeliness.relevance < $min_relevance END,
        'unlike_its_entity', likeliness.relevance, $min_relevance::DOUBLE, NULL
    FROM mine LEFT JOIN embeddings AS likeliness ON likeliness.image_id = mine.image_id AND likeliness.encoder = $encoder
)

SELECT
    image_id,
    rule,
    CASE WHEN bad THEN 'reject' WHEN bad IS NULL THEN 'not_judged' ELSE 'keep' END AS verdict,
    CASE WHEN bad THEN reason WHEN bad IS NULL AND remark IS NULL THEN CASE WHEN $encoder = '' THEN 'no_encoder' ELSE 'no_embedding' END
        ELSE remark END AS reason,
    measure,
    threshold
FROM judged
