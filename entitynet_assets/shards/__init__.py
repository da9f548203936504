"""Shards: kept pictures become byte-stable tars, a skip list and a release."""
