"""Repairs what stage verify finds: moves bad files aside, fetches only those, places docling's artifacts, verifies."""
