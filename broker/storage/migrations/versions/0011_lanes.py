"""Lanes, and connections that people pause

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('messages', sa.Column('laned_at', sa.BigInteger(), nullable=True))
    op.create_index(
        'ix_messages_lane',
        'messages',
        ['connection', 'originator', 'id'],
        unique=False,
        sqlite_where=sa.text('laned_at > 0'),
        postgresql_where=sa.text('laned_at > 0'),
    )
    op.add_column(
        'connections', sa.Column('mps_unit', sa.String(length=8), server_default='messages', nullable=False)
    )
    op.add_column('connections', sa.Column('paused_at', sa.BigInteger(), nullable=True))
    op.add_column('connections', sa.Column('paused_reason', sa.Text(), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('connections', 'paused_reason')
    op.drop_column('connections', 'paused_at')
    op.drop_column('connections', 'mps_unit')
    op.drop_index('ix_messages_lane', table_name='messages')
    op.drop_column('messages', 'laned_at')
