"""Draft: a study of one's own, written from roots or from a list of names after a look at what it would hold."""
