-- Every picture is judged by every rule; a rule that kept silent would keep pictures that nobody looked at.
SELECT images.image_id, count(verdicts.rule) AS rules
FROM images LEFT JOIN verdicts ON verdicts.image_id = images.image_id
GROUP BY images.image_id
HAVING count(verdicts.rule) <> 12
