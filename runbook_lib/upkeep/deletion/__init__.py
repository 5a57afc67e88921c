"""Removes revisions from the cache, repository by repository, after saying what goes and what that frees."""
