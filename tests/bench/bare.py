"""What a write costs without Dure: Flask and one INSERT, on the same server and database."""

import os

import sqlalchemy as sa
from flask import Flask, request

DATABASE_KEY = "BARE_DATABASE_URL"

metadata = sa.MetaData()
rows = sa.Table(
    "rows",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
)


def create_app() -> Flask:
    """The table is there already."""
    app = Flask("bare")
    engine = sa.create_engine(os.environ[DATABASE_KEY])

    def insert() -> tuple[dict[str, int], int]:
        body = request.get_json()
        with engine.begin() as tx:
            statement = sa.insert(rows).values(subject=body["subject"], amount=body["amount"]).returning(rows.c.id)
            return {"id": tx.execute(statement).scalar_one()}, 201

    app.add_url_rule("/rows", view_func=insert, methods=["POST"])
    app.add_url_rule("/readyz", view_func=lambda: {"status": "ready"})
    return app
