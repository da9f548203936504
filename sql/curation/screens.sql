-- How much each picture looks like what a screen looks for, told before anything is decided: margins are the study's, so deciding
-- again embeds and scores nothing again. Empty without an encoder and without a classifier.
WITH cosines AS (
    SELECT
        embeddings.image_id, embeddings.encoder, prompts.name AS screen, prompts.kind, prompts.text,
        list_dot_product(embeddings.vector, prompts.vector)::DOUBLE AS cosine
    FROM embeddings JOIN prompts ON prompts.encoder = embeddings.encoder
    WHERE prompts.kind IN ('screen', 'contrast') AND prompts.name <> ''
)

SELECT
    image_id, encoder AS scored_by, screen,
    max(cosine) FILTER (WHERE kind = 'screen') - max(cosine) FILTER (WHERE kind = 'contrast') AS score,
    arg_max(text, (cosine, text)) FILTER (WHERE kind = 'screen') AS prompt
FROM cosines
GROUP BY image_id, encoder, screen
UNION ALL
SELECT image_id, classifier || '@' || version AS scored_by, screen, score, classifier AS prompt FROM classifier_scores
