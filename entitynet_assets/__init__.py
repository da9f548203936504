"""The platform: Dagster assets from Wikidata items to a leaderboard. CPU, network and tables; it never imports torch."""
