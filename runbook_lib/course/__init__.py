"""What makes the notebooks a course: the cache drawn, the race played safely, links compared, exercises.

Nothing here changes the machine: what is made, is made in temporary folders.
"""
