"""The catalog and the settings in the database."""
