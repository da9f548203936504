-- What a rule rejects, a leak above all, must not be kept; and what is kept must be a picture we have.
SELECT image_id FROM kept_images
WHERE image_id IN (SELECT image_id FROM verdicts WHERE verdict = 'reject') OR image_id NOT IN (SELECT image_id FROM images)
