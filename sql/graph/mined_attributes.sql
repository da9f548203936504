-- Attributes that the English description of an entity states, by a small grammar that would rather miss one than make one up.
-- A clause is read word by word from its beginning, and reading stops at the first word that is not in its list:
--   head   the description itself, after "a", "species of" and the like: adjectives, as in "large striped cat", "long-legged bird"
--   made   after "made of", "woven from" and the like: materials, the list's and whatever the items state as a material (P186)
--   found  after "living in", "growing on" and the like: kinds of surroundings; no places by name, they have no look of their own
--   with   after "with", cut at commas and "and": sizes, numbers and colours up to a part, the list's and whatever the items state
--          as a part (P527, P2670): "with a long tail" gives "long tail"
-- An adjective that makes a name with the next word is none: "red panda" and "white wine" are items, and "Black Sea fish" is not black.
-- English plurals are those with -s and the few in the lists. Adjectives that describe no look ("edible", "African") end the reading.
WITH lists(clause, category, leads, before, words) AS (
    VALUES
    ('head', 'colour', true, '', 'red orange yellow green blue purple violet pink brown black white grey gray beige turquoise scarlet '
        'crimson reddish yellowish greenish bluish brownish whitish blackish multicolored multicoloured colorful colourful'),
    ('head', 'pattern', true, '', 'striped spotted speckled mottled checkered chequered plaid dotted marbled hairy furry woolly spiny thorny '
        'prickly scaly feathered wrinkled fluffy shiny translucent transparent embroidered knitted woven crocheted pleated quilted '
        'glazed carved painted ribbed'),
    ('head', 'material', true, '', 'wooden woollen woolen metallic earthenware porcelain ceramic'),
    ('head', 'shape_size', true, '', 'small large big tall tiny huge giant miniature round oval curved circular square rectangular '
        'triangular spherical cylindrical conical elongated slender flat hollow domed pointed'),
    ('head', 'environment', true, '', 'aquatic marine freshwater terrestrial arboreal tropical subtropical arctic alpine coastal underwater '
        'underground indoor outdoor semiaquatic'),
    ('head', 'behaviour', true, '', 'flightless climbing creeping trailing burrowing wading floating nocturnal carnivorous '
        'herbivorous insectivorous'),
    ('head', 'join', true, '', 'and or very usually often typically mostly sometimes extinct domesticated , -'),
    ('made', 'material', false, 'made of ', 'wood metal glass stone brick concrete leather clay ceramic porcelain plastic paper cardboard '
        'silk cotton linen wool felt fur gold silver brass bronze copper iron steel aluminium aluminum bamboo straw rubber bone ivory '
        'marble granite sand snow ice fabric cloth canvas wax'),
    ('made', 'join', false, '', 'and or a an the solid thin thick fine , dried woven usually often mainly'),
    ('found', 'environment', false, 'in ', 'forest rainforest woodland jungle desert sea ocean river lake pond stream swamp marsh wetland '
        'bog mountain coast shore beach reef tundra savanna savannah grassland meadow steppe cave soil sand water freshwater garden tree '
        'field street kitchen'),
    ('found', 'join', false, '', 'the a an and or , tropical subtropical temperate coastal deep shallow fresh salt open dense warm cold rocky '
        'sandy dry wet high'),
    ('with', 'part', false, 'with ', 'tail wing beak bill horn antler tusk trunk mane crest neck leg foot feet hoof hooves claw ear eye fin '
        'feather fur hair scale shell spine spike thorn prickle flower petal leaf leaves fruit berry berries seed stem bark root cone '
        'wheel handle blade string key bell mast sail deck engine rotor propeller roof tower dome spire arch window door wall column '
        'seat back armrest drawer shelf shelves brim sleeve collar hood heel strap button pocket lid spout teeth tooth stripe spot'),
    ('with', 'join', false, '', 'one two three four five six seven eight ten many several long short large small big tall broad wide narrow '
        'thin thick high low flat round pointed curved sharp soft hard red orange yellow green blue purple pink brown black white grey gray golden '
        'dark light bright striped spotted single double pair pairs of')
),

labelled AS (
    SELECT qid, label.text, label.language FROM (SELECT qid, UNNEST(labels) AS label FROM wikidata_items WHERE status = 'ok')
    WHERE label.language IN ('en', 'mul')
),

stated AS (
    SELECT DISTINCT CASE claim.property_id WHEN 'P186' THEN 'made' ELSE 'with' END AS clause, labelled.text AS word
    FROM (SELECT UNNEST(claims) AS claim FROM wikidata_items WHERE status = 'ok') JOIN labelled ON labelled.qid = claim.value_qid
    WHERE claim.property_id IN ('P186', 'P527', 'P2670') AND labelled.language = 'en' AND regexp_full_match(labelled.text, '[a-z]{3,}')
),

listed AS (
    SELECT clause, category, leads, before, UNNEST(string_split(words, ' ')) AS word FROM lists
    UNION ALL
    SELECT clause, CASE clause WHEN 'made' THEN 'material' ELSE 'part' END, false, CASE clause WHEN 'made' THEN 'made of ' ELSE 'with ' END, word
    FROM stated
),

vocabulary AS (
    SELECT clause, spelling, min(word) AS word, nullif(min(category), 'join') AS category, bool_or(leads) AS leads, max(before) AS before
    FROM (SELECT *, UNNEST([word, word || 's']) AS spelling FROM listed)
    GROUP BY clause, spelling
),

described AS (
    SELECT qid, description FROM entities WHERE description IS NOT NULL
),

clauses AS (
    SELECT qid, description, 'head' AS clause, 1 AS piece, regexp_replace(
        description,
        '^(?:(?:an?|the|any|some|several|various|species|subspecies|genus|family|breed|type|kind|form|variety|style|class|of)\s+)+', '', 'i'
    ) AS words
    FROM described
    UNION ALL
    SELECT qid, description, 'made', generate_subscripts(pieces, 1), UNNEST(pieces)
    FROM (SELECT *, regexp_extract_all(
        description, '\b(?:made|built|woven|knitted|carved|constructed)(?: out| mainly| mostly| usually| typically| entirely)? '
        '(?:of|from) ([^.;:()]*)', 1
    ) AS pieces FROM described)
    UNION ALL
    SELECT qid, description, 'found', generate_subscripts(pieces, 1), UNNEST(pieces)
    FROM (SELECT *, regexp_extract_all(
        description, '\b(?:living|lives|live|found|growing|grows|occurring|dwelling|nesting) (?:in|on|near|along|under|by) ([^.;:()]*)', 1
    ) AS pieces FROM described)
    UNION ALL
    SELECT qid, description, 'with', generate_subscripts(pieces, 1), UNNEST(pieces)
    FROM (SELECT *, regexp_split_to_array(
        regexp_extract(description, '\bwith (?:an? |the |its )?([^.;:()]*)', 1), ',? and (?:an? |the )?|, (?:an? |the )?'
    ) AS pieces FROM described)
),

tokens AS (
    SELECT qid, description, clause, piece, generate_subscripts(parts, 1) AS place, UNNEST(parts) AS part
    FROM (SELECT *, regexp_extract_all(words, '\p{L}[\p{L}''-]*|[0-9]+|[^\s]') AS parts FROM clauses WHERE words <> '')
),

looked_up AS (
    SELECT tokens.*, lower(tokens.part) AS spelling, vocabulary.word AS known, vocabulary.category, vocabulary.leads, vocabulary.before,
        coalesce(lead(tokens.part) OVER (PARTITION BY tokens.qid, tokens.clause, tokens.piece ORDER BY tokens.place), '') AS next_part
    FROM tokens LEFT JOIN vocabulary ON vocabulary.clause = tokens.clause AND vocabulary.spelling = lower(tokens.part)
),

compounds AS (
    SELECT * REPLACE (
        CASE WHEN compound THEN spelling ELSE known END AS known, CASE WHEN compound THEN 'part' ELSE category END AS category,
        compound OR leads AS leads, CASE WHEN compound THEN '' ELSE before END AS before
    )
    FROM (SELECT *, clause = 'head' AND regexp_full_match(
        spelling, '(?:one|two|three|four|six|eight|long|short|large|small|big|broad|wide|narrow|red|yellow|green|blue|brown|black|white|grey)'
        '-(?:legg|tail|wing|neck|bill|beak|ear|ey|head|crown|breast|throat|back|rump|horn|leav|flower|wheel|blad|string|mast|door|handl)ed'
    ) AS compound FROM looked_up)
),

stopped AS (
    SELECT *,
        known IS NULL
        OR (clause = 'head' AND part <> spelling AND (place > 1 OR NOT regexp_matches(next_part, '^\p{Ll}')))
        OR (clause = 'head' AND category IS NOT NULL
            AND spelling || ' ' || lower(next_part) IN (SELECT lower(text) FROM labelled)) AS stops
    FROM compounds
),

read AS (
    SELECT *,
        bool_or(stops) OVER so_far AS over,
        count(category) OVER so_far AS found,
        string_agg(spelling, ' ') OVER so_far AS text
    FROM stopped
    WINDOW so_far AS (PARTITION BY qid, clause, piece ORDER BY place)
),

said AS (
    SELECT qid, category, CASE clause WHEN 'with' THEN text ELSE known END AS value, before, leads, description
    FROM read WHERE NOT over AND category IS NOT NULL AND (clause <> 'with' OR found = 1)
)

SELECT qid, category, value, min(before || value) AS phrase, bool_or(leads) AS leads, any_value(description) AS description
FROM said GROUP BY qid, category, value
