"""The database: connection, migrations, locks and bulk operations."""
