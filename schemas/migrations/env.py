"""Run migrations on the connection that the caller passes, inside the caller's transaction."""

from alembic import context

from schemas.tables.metadata import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
