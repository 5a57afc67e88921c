"""Removes revisions from the cache as huggingface_hub does, after saying what the disk really gets back."""
