-- The texts of the web that cleaning keeps. Those it refuses stand in web_texts with the reason, so that who reads this table
-- cannot take one of them by mistake.
SELECT image_id, source, text, page_url, url_id, language FROM web_texts WHERE reason IS NULL
