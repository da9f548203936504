-- Every address must come from a hit, or its licence and author are nobody's word.
SELECT url_id, image_url FROM urls WHERE url_id NOT IN (SELECT url_id FROM hits)
