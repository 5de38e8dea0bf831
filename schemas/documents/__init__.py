"""The models of catalog and mapping files."""
