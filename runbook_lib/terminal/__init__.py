"""The terminal: how wide it is, what is coloured there, and what is said while a step goes on."""
