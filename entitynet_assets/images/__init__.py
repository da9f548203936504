"""Images: addresses become downloads, downloads become distinct pictures."""
