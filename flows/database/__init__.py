"""The database: its connection, its schema, its locks and bulk operations."""
