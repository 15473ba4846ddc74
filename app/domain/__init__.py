"""What a dataset is and what follows from facts. Pure: no clock, no files, no network, no database."""
