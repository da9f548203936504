-- Distinct pictures: what one decode said of the bytes that one or more addresses serve. A picture that any of its addresses
-- gave is had; the same bytes have the same facts, so it does not matter whose row they are taken from.
SELECT
    image_id,
    any_value(size_bytes) AS size_bytes,
    any_value(format) AS format,
    any_value(n_frames) AS n_frames,
    any_value(original_width_px) AS original_width_px,
    any_value(original_height_px) AS original_height_px,
    any_value(width_px) AS width_px,
    any_value(height_px) AS height_px,
    any_value(path) AS path,
    any_value(stored_sha256) AS stored_sha256,
    any_value(phash) AS phash,
    any_value(dhash) AS dhash,
    any_value(entropy_bits) AS entropy_bits,
    any_value(thumbnail) AS thumbnail,
    count(*) AS url_count,
    min(round) AS round
FROM downloads
WHERE outcome = 'ok' AND slice_of(image_id, $slice_count) = $slice_index
GROUP BY image_id
