"""What a run is: its settings, what they stand for, its folder and the records in it."""
