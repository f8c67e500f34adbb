"""What customers do with messages

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

IN_INBOX = "direction = 'in' AND marked_at IS NULL AND deleted_at IS NULL"


def upgrade() -> None:
    op.add_column('messages', sa.Column('held_until', sa.BigInteger(), nullable=True))
    op.add_column('messages', sa.Column('marked_at', sa.BigInteger(), nullable=True))
    op.add_column('messages', sa.Column('deleted_at', sa.BigInteger(), nullable=True))
    op.create_index('ix_messages_inbox', 'messages', ['account', 'id'], unique=False, sqlite_where=sa.text(IN_INBOX), postgresql_where=sa.text(IN_INBOX))
    op.create_index('ix_messages_account_reference', 'messages', ['account', 'reference'], unique=False, sqlite_where=sa.text('reference IS NOT NULL'), postgresql_where=sa.text('reference IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('ix_messages_account_reference', table_name='messages')
    op.drop_index('ix_messages_inbox', table_name='messages')
    op.drop_column('messages', 'deleted_at')
    op.drop_column('messages', 'marked_at')
    op.drop_column('messages', 'held_until')
