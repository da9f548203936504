-- What can be seen of an entity, by category: stated on it, inherited from the nearest item above it, mined from its description.
-- Inheritance goes down P279 and P171, from an item's best statements. P31 counts only as the first step of an item that is no class
-- itself: what a class is an instance of says what the class is, so an apple variety does not look like "type of fruit".
-- Of how a thing looks as a whole (colour, pattern, material, shape and size) only the nearest item that says anything speaks, so that
-- a white bear is not brown because bears are; parts, surroundings, doings and the rest add up on the way down.
-- Where something is, what it is part of, its style and its characteristics (P1552 of "human" is "family name") are said of that item
-- and are not inherited.
-- One value stands once in a category: stated before inherited before mined before generated, nearer before farther, preferred
-- before normal, then by name and not by rarity, so that no entity's attributes change because another entity came in.
-- What a language model says (generated_attributes) has no statement; its words follow the name, colours lead it.
-- The same order decides which $attributes_per_category of a category are kept.
-- Left out, as no photograph shows them: sounds (P4733), effects (P1542), events (P793), operators (P137), model items (P5869,
-- one example is no attribute), properties for a type (P1963); and sizes in numbers (P2043, P2048, P2067): a picture has no scale.
WITH RECURSIVE looks(property_id, category, leads, inherits, before, after) AS (
    VALUES
    ('P462', 'colour', true, true, '', ''),                              -- colour: red apple
    ('P1340', 'colour', false, true, 'with ', ' eyes'),                  -- eye colour
    ('P1884', 'colour', false, true, 'with ', ''),                       -- hair colour; its values are called 'brown hair'
    ('P5422', 'pattern', false, true, 'with ', ''),                      -- has pattern: with polka dot
    ('P2079', 'pattern', false, true, 'made by ', ''),                   -- fabrication method: made by knitting
    ('P186', 'material', false, true, 'made of ', ''),                   -- made from material
    ('P527', 'part', false, true, 'with ', ''),                          -- has part
    ('P2670', 'part', false, true, 'with ', ''),                         -- has parts of the class
    ('P4330', 'part', false, true, 'containing ', ''),                   -- contains
    ('P4000', 'part', false, true, 'bearing ', ''),                      -- has fruit type: bearing drupe
    ('P516', 'part', false, true, 'powered by ', ''),                    -- powered by
    ('P1419', 'shape_size', false, true, 'shaped like ', ''),            -- shape
    ('P784', 'shape_size', false, true, 'with ', ' cap'),                -- mushroom cap shape
    ('P2974', 'environment', false, true, 'in ', ''),                    -- habitat
    ('P276', 'environment', false, false, 'in ', ''),                    -- location
    ('P706', 'environment', false, false, 'on ', ''),                    -- located in or on a physical feature
    ('P2975', 'environment', false, true, 'on ', ''),                    -- host
    ('P361', 'environment', false, false, 'as part of ', ''),            -- part of: what it is seen with
    ('P1582', 'environment', false, false, 'from ', ''),                 -- natural product of taxon: the fruit's plant
    ('P1034', 'behaviour', false, true, 'eating ', ''),                  -- main food source
    ('P2283', 'behaviour', false, true, 'using ', ''),                   -- uses
    ('P366', 'behaviour', false, true, 'used for ', ''),                 -- has use
    ('P1535', 'behaviour', false, true, 'used by ', ''),                 -- used by
    ('P3095', 'behaviour', false, true, 'practised by ', ''),            -- practised by
    ('P1056', 'other', false, true, 'producing ', ''),                   -- product or material produced
    ('P1672', 'other', false, false, 'as source of ', ''),               -- this taxon is source of
    ('P1552', 'other', false, false, 'with ', ''),                       -- has characteristic
    ('P136', 'other', false, false, 'of the genre ', ''),                -- genre
    ('P149', 'other', false, false, 'in the style of ', ''),             -- architectural style
    ('P135', 'other', false, false, 'in the style of ', ''),             -- movement
    ('P180', 'other', false, false, 'showing ', '')                      -- depicts
),

sources(source, trust) AS (
    VALUES ('stated', 1), ('inherited', 2), ('mined', 3), ('generated', 4)
),

value_names AS (
    SELECT qid, arg_min(label.text, label.language) AS name
    FROM wikidata_items, UNNEST(labels) AS unnested(label) WHERE status = 'ok' AND label.language IN ('en', 'mul')
    GROUP BY qid
),

statements AS MATERIALIZED (
    SELECT item.qid, item.claim.property_id, item.claim.value_qid, item.claim.statement_id, item.claim.rank, value_names.name AS value
    FROM (SELECT qid, UNNEST(claims) AS claim FROM wikidata_items WHERE status = 'ok') AS item
    JOIN value_names ON value_names.qid = item.claim.value_qid
    WHERE item.claim.property_id IN (SELECT property_id FROM looks) AND item.claim.value_qid <> item.qid
),

classes AS MATERIALIZED (
    SELECT DISTINCT qid, parent_qid FROM parent_statements WHERE property_id <> 'P31' AND qid <> parent_qid
),

first_steps AS (
    SELECT qid, parent_qid FROM classes
    UNION
    SELECT qid, parent_qid FROM parent_statements
    WHERE property_id = 'P31' AND qid <> parent_qid
        AND qid NOT IN (SELECT qid FROM classes) AND qid NOT IN (SELECT parent_qid FROM classes)
),

up(qid, ancestor_qid, distance) USING KEY (qid, ancestor_qid) AS (
    SELECT first_steps.qid, first_steps.parent_qid, 1::BIGINT FROM first_steps JOIN entities USING (qid)
    UNION
    SELECT up.qid, classes.parent_qid, min(up.distance + 1)
    FROM up
    JOIN classes ON classes.qid = up.ancestor_qid
    LEFT JOIN recurring.up AS seen ON seen.qid = up.qid AND seen.ancestor_qid = classes.parent_qid
    WHERE seen.qid IS NULL
    GROUP BY up.qid, classes.parent_qid
),

said AS (
    SELECT entities.qid, 'stated' AS source, entities.qid AS source_qid, 0::BIGINT AS distance FROM entities
    UNION ALL
    SELECT qid, 'inherited', ancestor_qid, distance FROM up WHERE ancestor_qid <> qid
),

generated AS (
    SELECT qid, said.category, said."value" AS value,
        CASE WHEN starts_with(said."value", before) THEN said."value" ELSE before || said."value" END AS phrase
    FROM (
        SELECT qid, said, CASE said.category WHEN 'material' THEN 'made of ' WHEN 'part' THEN 'with ' ELSE '' END AS before
        FROM (SELECT qid, UNNEST(attributes) AS said FROM generated_attributes WHERE status = 'ok')
    ) JOIN entities USING (qid)
),

found AS (
    SELECT said.qid, looks.category, statements.value, statements.value_qid, statements.property_id, said.source, said.source_qid,
        said.distance, statements.statement_id, statements.rank, looks.leads, looks.before || statements.value || looks.after AS phrase
    FROM said
    JOIN statements ON statements.qid = said.source_qid
    JOIN looks ON looks.property_id = statements.property_id AND (looks.inherits OR said.distance = 0)
    UNION ALL
    SELECT qid, category, value, NULL, NULL, 'mined', qid, 0, NULL, NULL, leads, phrase FROM mined_attributes
    UNION ALL
    SELECT qid, category, value, NULL, NULL, 'generated', qid, 0, NULL, NULL, category = 'colour', phrase FROM generated
),

nearest AS (
    SELECT *, min(distance) OVER (PARTITION BY qid, category) AS nearest_distance FROM found
),

chosen AS (
    SELECT nearest.*, sources.trust, entities.label, entities.natural_type
    FROM nearest JOIN sources USING (source) JOIN entities USING (qid)
    WHERE (category NOT IN ('colour', 'pattern', 'material', 'shape_size') OR distance = nearest_distance)
        AND lower(nearest.value) <> lower(entities.label)
        AND lower(nearest.value) <> coalesce(lower(entities.natural_type), '')
    QUALIFY row_number() OVER (
        PARTITION BY nearest.qid, category, lower(nearest.value)
        ORDER BY trust, distance, rank <> 'preferred', property_id, value_qid, source_qid, statement_id, phrase
    ) = 1
),

placed AS (
    SELECT *, row_number() OVER (
        PARTITION BY qid, category ORDER BY trust, distance, coalesce(rank <> 'preferred', true), lower(value)
    ) AS place
    FROM chosen
)

SELECT
    qid,
    category,
    value,
    value_qid,
    property_id,
    source,
    source_qid,
    distance,
    statement_id,
    rank,
    place,
    phrase,
    CASE WHEN leads THEN phrase || ' ' || natural_type ELSE natural_type || ' ' || phrase END AS attribute_type_query,
    CASE WHEN leads THEN phrase || ' ' || label ELSE label || ' ' || phrase END AS attribute_noun_query
FROM placed WHERE place <= $attributes_per_category
