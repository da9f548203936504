"""Queries: entities and attributes become search strings."""
