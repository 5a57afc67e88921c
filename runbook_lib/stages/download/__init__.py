"""Stage 3, download: a plan first, then the files under a wall-clock limit, then docling's artifacts folder."""
