"""What earlier runs were: an index beside the run folders, what changed between two of them, which of them are kept."""
