"""What the records of many hosts say together: read into DuckDB, whatever version wrote them, and asked there."""
