"""Report: one page that says what was made of a study, for a person without the lake."""
