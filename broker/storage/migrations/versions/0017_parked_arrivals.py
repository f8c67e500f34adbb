"""Whose number a parked arrival came for

Revision ID: 0017
Revises: 0016
"""

import json

import sqlalchemy as sa
from alembic import op


revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

SOME = sa.text("recipient IS NOT NULL")


def upgrade() -> None:
    op.add_column('parked', sa.Column('recipient', sa.String(length=255), nullable=True))
    op.create_index(
        'ix_parked_recipient', 'parked', ['recipient'], unique=False, sqlite_where=SOME, postgresql_where=SOME
    )
    table = sa.table('parked', sa.column('id'), sa.column('news'), sa.column('reason'), sa.column('recipient'))
    connection = op.get_bind()
    found = connection.execute(sa.select(table.c.id, table.c.news).where(table.c.reason == "nobody's number")).all()
    for row in found:
        recipient = json.loads(row.news).get('recipient')
        connection.execute(sa.update(table).where(table.c.id == row.id).values(recipient=recipient))


def downgrade() -> None:
    op.drop_index('ix_parked_recipient', table_name='parked')
    op.drop_column('parked', 'recipient')
