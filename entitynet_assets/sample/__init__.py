"""The embedded default: a small world with real Wikidata facts, drawn and served by this package like the real web."""
