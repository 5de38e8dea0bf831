"""A catalog, understood and compared."""
