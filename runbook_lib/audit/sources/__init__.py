"""Which files are read, and the texts in them."""
