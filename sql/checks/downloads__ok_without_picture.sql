-- An address is `ok` exactly if it gave a picture; else the next table misses pictures or reads bytes that are not there.
SELECT url_id, outcome, image_id FROM downloads WHERE (outcome = 'ok') <> (image_id IS NOT NULL)
