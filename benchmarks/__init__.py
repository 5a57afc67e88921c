"""Speed and cost against the bare tools, in the same run: `make bench`."""
