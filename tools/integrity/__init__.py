"""Real clients against real caches: what they do to a revision that is pinned, in every way of sharing."""
