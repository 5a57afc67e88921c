"""Breakage drills: runs that fail as in life, to be mended by what their output says."""
