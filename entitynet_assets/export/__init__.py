"""Export: a harvest in the layouts of other programs."""
