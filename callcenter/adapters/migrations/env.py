"""How alembic runs here: on the connection it is given, inside the caller's transaction."""

from alembic import context

from callcenter.adapters.history.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
