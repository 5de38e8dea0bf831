"""Load the catalog into the database, look things up in it, and keep the settings."""
