"""Read by Alembic. The connection is the caller's, and so is its transaction."""

from __future__ import annotations

from alembic import context

from app.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,
)
context.run_migrations()
