"""The event log

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('logbook',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('connection', sa.String(length=64), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('message_id', sa.String(length=36), nullable=True),
    sa.Column('level', sa.String(length=5), nullable=False),
    sa.Column('direction', sa.String(length=4), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('headers', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('tags', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_logbook'))
    )
    op.create_index('ix_logbook_connection_at', 'logbook', ['connection', 'at'], unique=False)
    op.create_index('ix_logbook_message_id', 'logbook', ['message_id'], unique=False, sqlite_where=sa.text('message_id IS NOT NULL'), postgresql_where=sa.text('message_id IS NOT NULL'))
    op.add_column('events', sa.Column('webhook', sa.String(length=64), nullable=True))
    op.create_index('ix_submissions_connection_started_at', 'submissions', ['connection', 'started_at'], unique=False)
    op.create_index('ix_submissions_connection_ended_at', 'submissions', ['connection', 'ended_at'], unique=False, sqlite_where=sa.text('ended_at IS NOT NULL'), postgresql_where=sa.text('ended_at IS NOT NULL'))
    op.drop_index('ix_webhooks_at', table_name='webhooks')
    op.create_index('ix_webhooks_connection_at', 'webhooks', ['connection', 'at'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_webhooks_connection_at', table_name='webhooks')
    op.create_index('ix_webhooks_at', 'webhooks', ['at'], unique=False)
    op.drop_index('ix_submissions_connection_ended_at', table_name='submissions')
    op.drop_index('ix_submissions_connection_started_at', table_name='submissions')
    op.drop_column('events', 'webhook')
    op.drop_table('logbook')
