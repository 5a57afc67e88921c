"""Turns a cache that holds contents more than once into hard links, and drops blobs that nothing refers to."""
