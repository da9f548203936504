-- The shares of a mix add up to 1, or to 0 where no picture has a text of it; else captions are counted twice or lost.
SELECT mix, sum(effective_share) AS total FROM caption_mixes GROUP BY mix
HAVING abs(sum(effective_share) - 1) > 1e-6 AND sum(image_count) > 0
    OR sum(effective_share) > 1e-6 AND sum(image_count) = 0
