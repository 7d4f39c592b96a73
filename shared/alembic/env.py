"""What Alembic runs: it works on the connection and transaction it is handed."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    render_as_batch=False,
)
context.run_migrations()
