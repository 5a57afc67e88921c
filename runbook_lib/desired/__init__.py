"""The lock file as what is desired: what a machine really has beside it, and what brings it there."""
