"""The workshop: trains, embeds and evaluates CLIP models under torchrun; it never imports the platform."""
