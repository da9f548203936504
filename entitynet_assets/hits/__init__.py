"""Hits: searches become answer pages, ranked links and distinct addresses."""
