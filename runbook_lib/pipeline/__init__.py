"""What is to be proven: the setting `pipeline`, and which models docling says that takes."""
