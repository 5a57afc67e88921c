"""What keeps models on a machine: sharing, verifying, repairing and locking what a download left."""
