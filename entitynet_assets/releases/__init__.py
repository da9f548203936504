"""Releases over time: what is in them, whether their files are whole, and how pictures are taken out of them for good."""
