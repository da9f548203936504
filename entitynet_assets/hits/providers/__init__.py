"""Image searches, one file each: pure `request` and `parse`."""
