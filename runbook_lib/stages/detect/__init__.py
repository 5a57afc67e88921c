"""Stage 1, detect: look at the machine and judge it; changes nothing."""
