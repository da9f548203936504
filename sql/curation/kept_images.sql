-- Pictures that no rule rejects; a rule that was not judged does not reject.
SELECT image_id, path, stored_sha256, width_px, height_px, round
FROM images
WHERE image_id NOT IN (SELECT image_id FROM verdicts WHERE verdict = 'reject')
