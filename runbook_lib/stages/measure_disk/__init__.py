"""Stage 6, measure disk: what the models take, counted by inode, and what they would take with other links."""
