"""Stage 5, convert: a real document through the real pipeline, with the network cut off."""
