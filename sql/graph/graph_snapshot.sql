-- Which Wikidata this is, for whoever cites a figure: what the source said of itself before it was read, and the newest edit that was met.
WITH met AS (
    SELECT count(*) AS items, max(revision) AS newest_revision, max(modified_at) AS newest_edit_at
    FROM wikidata_items WHERE status = 'ok'
)

SELECT
    source, address, snapshot_id,
    CASE source WHEN 'dump' THEN newest_edit_at ELSE complete_until END AS complete_until,
    reason, items, newest_revision, newest_edit_at
FROM graph_source, met
