"""Breakage drills: runs that fail as in life, to be fixed by what their output says."""
