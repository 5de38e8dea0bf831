"""What data looks like: contracts, vocabularies, models and tables; no behaviour."""
