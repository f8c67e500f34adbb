"""Public numbers

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('messages', sa.Column('number', sa.BigInteger(), nullable=True))
    op.add_column('messages', sa.Column('note', sa.String(length=160), nullable=True))
    op.add_column('messages', sa.Column('subaccount', sa.String(length=10), nullable=True))
    op.add_column('messages', sa.Column('reports', sa.Integer(), nullable=True))
    op.create_index('ix_messages_number', 'messages', ['number'], unique=False, sqlite_where=sa.text('number IS NOT NULL'), postgresql_where=sa.text('number IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('ix_messages_number', table_name='messages')
    for name in ('reports', 'subaccount', 'note', 'number'):
        op.drop_column('messages', name)
