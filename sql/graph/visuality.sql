-- Whether a photograph would show a member, by what is stated of it and without looking at a picture: the rules in order are
-- (1) the nearest marked class, itself included: a class with a look says yes, one without says no; of two as near, the one
-- with a look, because a museum is a house as well as an organisation; (2) without any, a picture (P18) says yes; (3) so does a
-- Commons category (P373); (4) where nothing speaks for it, no. docs/graph.md says how often that is right.
-- Marks are followed downwards by the study's P279 and P171, so that one pass reaches all members; what a member is an instance
-- of counts as one step, whether or not the study follows P31, as P31 is how Wikidata says that a class is a profession.
-- Where the study says visual = "judge", a language model's judgement overrules all of them.
-- Kinds of settlement are marked as territory: most of them differ in law and size and not in look.
WITH RECURSIVE marks(qid, name, seen) AS (
    VALUES
    -- physical things
    ('Q16686022', 'natural physical object', true), ('Q1357761', 'utensil', true), ('Q31807746', 'furnishing', true),
    ('Q10273457', 'equipment', true), ('Q1183543', 'device', true), ('Q11019', 'machine', true), ('Q39546', 'tool', true),
    ('Q987767', 'container', true), ('Q728', 'weapon', true), ('Q14745', 'furniture', true),
    ('Q34379', 'musical instrument', true), ('Q42889', 'vehicle', true), ('Q11446', 'ship', true),
    ('Q11460', 'clothing', true), ('Q161439', 'jewellery', true), ('Q2424752', 'product', true),
    ('Q214609', 'material', true), ('Q10675206', 'ingredient', true), ('Q811679', 'structural element', true),
    ('Q391414', 'architectural element', true),
    -- food
    ('Q2095', 'food', true), ('Q746549', 'dish', true), ('Q40050', 'drink', true), ('Q25403900', 'food ingredient', true),
    ('Q11004', 'vegetable', true), ('Q3314483', 'fruit', true),
    -- places
    ('Q811979', 'architectural structure', true), ('Q41176', 'building', true), ('Q13226383', 'facility', true),
    ('Q1497364', 'building complex', true), ('Q180516', 'room', true), ('Q271669', 'landform', true),
    ('Q15324', 'body of water', true), ('Q34442', 'road', true), ('Q1107656', 'garden', true), ('Q22698', 'park', true),
    ('Q131596', 'farm', true), ('Q23442', 'island', true), ('Q186131', 'terrain', true), ('Q11081619', 'land', true),
    ('Q210272', 'cultural heritage', true), ('Q839954', 'archaeological site', true), ('Q532', 'village', true),
    ('Q74047', 'ghost town', true), ('Q213441', 'shop', true), ('Q83405', 'factory', true),
    ('Q24398318', 'religious building', true), ('Q1370598', 'place of worship', true),
    ('Q811430', 'human-made geographic feature', true), ('Q20719696', 'physico-geographical object', true),
    ('Q570116', 'tourist attraction', true),
    -- living things and their parts
    ('Q7239', 'organism', true), ('Q729', 'animal', true), ('Q756', 'plant', true), ('Q16521', 'taxon', true),
    ('Q38829', 'breed', true), ('Q39367', 'dog breed', true), ('Q4886', 'cultivar', true),
    ('Q4936952', 'anatomical structure', true), ('Q712378', 'organ', true), ('Q20011319', 'plant structure', true),
    ('Q622852', 'domesticated animal', true),
    -- sky and weather
    ('Q6999', 'astronomical object', true), ('Q11663', 'weather', true), ('Q81054', 'storm', true),
    ('Q25257', 'precipitation', true), ('Q8065', 'natural disaster', true),
    ('Q16332653', 'meteorological phenomenon', true),
    -- pictures and shapes
    ('Q93184', 'drawing', true), ('Q11060274', 'print', true), ('Q125191', 'photograph', true), ('Q179700', 'statue', true),
    ('Q133067', 'mosaic', true), ('Q219423', 'mural', true), ('Q860861', 'sculpture', true), ('Q3305213', 'painting', true),
    ('Q571', 'book', true), ('Q32483', 'character', true), ('Q815741', 'geometric shape', true), ('Q207961', 'shape', true),
    ('Q14659', 'coat of arms', true), ('Q14660', 'flag', true),
    -- what people are seen doing
    ('Q747883', 'physical activity', true), ('Q31629', 'type of sport', true), ('Q349', 'sport', true),
    ('Q11410', 'game', true), ('Q2627975', 'ceremony', true), ('Q16510064', 'sporting event', true),
    -- ideas and knowledge
    ('Q7184903', 'abstract object', false), ('Q151885', 'concept', false), ('Q9081', 'knowledge', false),
    ('Q11862829', 'academic discipline', false), ('Q2267705', 'field of study', false), ('Q627436', 'field of work', false),
    ('Q1047113', 'specialty', false), ('Q2465832', 'branch of science', false), ('Q336', 'science', false),
    ('Q17737', 'theory', false), ('Q7257', 'ideology', false), ('Q9174', 'religion', false), ('Q1151067', 'rule', false),
    ('Q7748', 'law', false), ('Q2135465', 'legal concept', false), ('Q1156854', 'policy', false),
    ('Q1799072', 'method', false), ('Q2695280', 'technique', false), ('Q8366', 'algorithm', false),
    ('Q1979154', 'model', false), ('Q930933', 'relation', false), ('Q937228', 'property', false),
    ('Q1207505', 'quality', false), ('Q246672', 'mathematical object', false), ('Q309314', 'quantity', false),
    ('Q47574', 'unit of measurement', false), ('Q58778', 'system', false), ('Q1639378', 'social system', false),
    ('Q33104279', 'philosophical concept', false), ('Q7275', 'state', false), ('Q3505845', 'state of something', false),
    -- information, words and signs
    ('Q11028', 'information', false), ('Q42848', 'data', false), ('Q235557', 'file format', false),
    ('Q7397', 'software', false), ('Q234460', 'text', false), ('Q49848', 'document', false),
    ('Q732577', 'publication', false), ('Q7725634', 'literary work', false), ('Q15621286', 'intellectual work', false),
    ('Q17537576', 'creative work', false), ('Q386724', 'work', false), ('Q2188189', 'musical work', false),
    ('Q2431196', 'audiovisual work', false), ('Q483394', 'genre', false), ('Q1792379', 'art genre', false),
    ('Q223393', 'literary genre', false), ('Q82799', 'name', false), ('Q853614', 'identifier', false),
    ('Q80071', 'symbol', false), ('Q34770', 'language', false), ('Q17376908', 'languoid', false),
    ('Q33742', 'natural language', false), ('Q17442446', 'Wikimedia internal item', false),
    ('Q18616576', 'Wikidata property', false), ('Q14897293', 'fictional entity', false),
    ('Q95074', 'fictional character', false), ('Q15711870', 'animated character', false),
    ('Q4393498', 'representation', false),
    -- what happens and when
    ('Q1190554', 'occurrence', false), ('Q1656682', 'event', false), ('Q3249551', 'process', false),
    ('Q1914636', 'activity', false), ('Q4026292', 'action', false), ('Q9332', 'behaviour', false),
    ('Q61788060', 'human activity', false), ('Q483247', 'phenomenon', false), ('Q1322005', 'natural phenomenon', false),
    ('Q1293220', 'physical phenomenon', false), ('Q12136', 'disease', false), ('Q2057971', 'health problem', false),
    ('Q186081', 'time interval', false), ('Q26907166', 'temporal entity', false), ('Q2995644', 'result', false),
    ('Q7406919', 'service', false), ('Q268592', 'branch of industry', false), ('Q8148', 'industry', false),
    ('Q8187769', 'economic activity', false),
    -- who somebody is
    ('Q215627', 'person', false), ('Q28640', 'profession', false), ('Q12737077', 'occupation', false),
    ('Q4164871', 'position', false), ('Q294414', 'public office', false), ('Q216353', 'title', false),
    ('Q4189293', 'rank', false), ('Q56019', 'military rank', false), ('Q4897819', 'role', false),
    ('Q618779', 'award', false), ('Q171318', 'kinship', false),
    -- those who act together
    ('Q43229', 'organisation', false), ('Q16334295', 'group of humans', false), ('Q176799', 'military unit', false),
    ('Q327333', 'government agency', false), ('Q4830453', 'business', false), ('Q783794', 'company', false),
    ('Q31855', 'research institute', false), ('Q2385804', 'educational institution', false),
    ('Q4671277', 'academic institution', false), ('Q180958', 'faculty', false), ('Q3914', 'school', false),
    ('Q8436', 'family', false), ('Q164950', 'dynasty', false), ('Q7278', 'political party', false),
    -- territories, which are lines on a map
    ('Q56061', 'administrative territorial entity', false), ('Q1048835', 'political territorial entity', false),
    ('Q15642541', 'human-geographic territorial entity', false), ('Q82794', 'geographic region', false),
    ('Q15284', 'municipality', false), ('Q486972', 'human settlement', false), ('Q133346', 'border', false),
    -- chemistry, too small to be seen
    ('Q79529', 'chemical substance', false), ('Q11173', 'chemical compound', false),
    ('Q43460564', 'chemical entity', false), ('Q8054', 'protein', false), ('Q7187', 'gene', false),
    ('Q7868', 'cell', false), ('Q177013', 'subatomic particle', false)
),

members AS (
    SELECT * FROM wikidata_items WHERE status = 'ok' AND role = 'member'
),

stated AS MATERIALIZED (
    SELECT qid, claim.property_id, claim.value_qid, claim.value_text FROM (SELECT qid, UNNEST(claims) AS claim FROM members)
    WHERE claim.property_id IN ('P31', 'P18', 'P373')
),

classes AS MATERIALIZED (
    SELECT DISTINCT qid, parent_qid FROM parent_statements WHERE property_id <> 'P31' AND qid <> parent_qid
),

down(mark_qid, qid, distance) USING KEY (mark_qid, qid) AS (
    SELECT qid, qid, 0::BIGINT FROM marks
    UNION
    SELECT down.mark_qid, classes.qid, min(down.distance + 1)
    FROM down
    JOIN classes ON classes.parent_qid = down.qid
    LEFT JOIN recurring.down AS met ON met.mark_qid = down.mark_qid AND met.qid = classes.qid
    WHERE met.qid IS NULL
    GROUP BY down.mark_qid, classes.qid
),

reached AS (
    SELECT qid, mark_qid, distance FROM down
    UNION ALL
    SELECT stated.qid, down.mark_qid, down.distance + 1
    FROM stated JOIN down ON down.qid = stated.value_qid WHERE stated.property_id = 'P31'
),

nearest AS (
    SELECT reached.qid,
        arg_min(mark_qid, (distance, mark_qid)) FILTER (WHERE marks.seen) AS seen_qid,
        min(distance) FILTER (WHERE marks.seen) AS seen_distance,
        arg_min(mark_qid, (distance, mark_qid)) FILTER (WHERE NOT marks.seen) AS abstract_qid,
        min(distance) FILTER (WHERE NOT marks.seen) AS abstract_distance
    FROM reached JOIN marks ON marks.qid = reached.mark_qid
    GROUP BY reached.qid
),

media AS (
    SELECT qid, bool_or(property_id = 'P18') AS has_image, min(value_text) FILTER (WHERE property_id = 'P373') AS commons_category
    FROM stated WHERE value_text IS NOT NULL GROUP BY qid
),

judged AS (
    SELECT members.qid, coalesce(media.has_image, false) AS has_image, media.commons_category,
        nearest.seen_qid, nearest.seen_distance, nearest.abstract_qid, nearest.abstract_distance,
        model.visual AS model_visual, model.model, model.explanation,
        CASE
            WHEN model.qid IS NOT NULL THEN 'language_model'
            WHEN nearest.seen_distance <= coalesce(nearest.abstract_distance, nearest.seen_distance) THEN 'seen_class'
            WHEN nearest.abstract_distance IS NOT NULL THEN 'abstract_class'
            WHEN media.has_image THEN 'picture'
            WHEN media.commons_category IS NOT NULL THEN 'commons_category'
            ELSE 'nothing_said'
        END AS rule
    FROM members LEFT JOIN nearest USING (qid) LEFT JOIN media USING (qid)
    LEFT JOIN visual_judgements AS model
        ON model.qid = members.qid AND $visual = 'judge' AND model.status = 'ok' AND model.visual IS NOT NULL
)

SELECT
    judged.qid,
    coalesce(model_visual, rule IN ('seen_class', 'picture', 'commons_category')) AS visual,
    rule,
    CASE rule
        WHEN 'language_model' THEN model || ' says: ' || coalesce(explanation, '')
        WHEN 'abstract_class' THEN abstract_mark.name || ' (' || abstract_qid || '), which has no look, is '
            || CASE abstract_distance WHEN 0 THEN 'what it is' WHEN 1 THEN 'one statement above it' ELSE abstract_distance || ' statements above it' END
        WHEN 'seen_class' THEN seen_mark.name || ' (' || seen_qid || '), which has a look, is '
            || CASE seen_distance WHEN 0 THEN 'what it is' WHEN 1 THEN 'one statement above it' ELSE seen_distance || ' statements above it' END
        WHEN 'picture' THEN 'no class speaks for or against it, and it has a picture'
        WHEN 'commons_category' THEN 'no class speaks for or against it, and Commons has a category of it'
        ELSE 'no class, no picture and no Commons category speaks for it'
    END AS reason,
    has_image,
    commons_category,
    seen_qid,
    seen_distance,
    abstract_qid,
    abstract_distance
FROM judged
LEFT JOIN marks AS seen_mark ON seen_mark.qid = judged.seen_qid
LEFT JOIN marks AS abstract_mark ON abstract_mark.qid = judged.abstract_qid
