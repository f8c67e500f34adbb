"""Retention and erasures

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op


revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('erasures',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('subject', sa.String(length=40), nullable=False),
    sa.Column('number', sa.Text(), nullable=True),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('step', sa.String(length=10), nullable=False),
    sa.Column('after', sa.String(length=64), nullable=False),
    sa.Column('counts', sa.Text(), nullable=False),
    sa.Column('ended_at', sa.BigInteger(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_erasures'))
    )
    op.create_table('overlooked',
    sa.Column('owner', sa.String(length=80), nullable=False),
    sa.Column('message_id', sa.String(length=36), nullable=False),
    sa.PrimaryKeyConstraint('owner', 'message_id', name=op.f('pk_overlooked'))
    )
    op.create_table('redactions',
    sa.Column('message_id', sa.String(length=36), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('bytes', sa.Integer(), nullable=False),
    sa.Column('segments', sa.Integer(), nullable=False),
    sa.Column('mms', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('message_id', name=op.f('pk_redactions'))
    )
    op.create_table('retention',
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('after', sa.String(length=36), nullable=False),
    sa.Column('done', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account', 'kind', name=op.f('pk_retention'))
    )
    op.add_column('account_rules', sa.Column('keep_text_days', sa.Integer(), nullable=True))
    op.add_column('account_rules', sa.Column('keep_media_days', sa.Integer(), nullable=True))
    op.add_column('account_rules', sa.Column('keep_events_days', sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column('account_rules', 'keep_events_days')
    op.drop_column('account_rules', 'keep_media_days')
    op.drop_column('account_rules', 'keep_text_days')
    op.drop_table('retention')
    op.drop_table('redactions')
    op.drop_table('overlooked')
    op.drop_table('erasures')
