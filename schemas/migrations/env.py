"""Run migrations on the connection that the caller passes, inside the caller's transaction.

Before a migration is added, ``python -m tests.flows.saved_versions`` saves a database of the version before it, which the tests
of migrations then upgrade.
"""

from alembic import context

from schemas.tables.metadata import metadata

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=metadata,
    version_table=attributes["version_table"],
    version_table_schema=attributes["schema"],
)
with context.begin_transaction():
    context.run_migrations()
