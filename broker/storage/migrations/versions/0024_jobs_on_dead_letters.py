"""Which request of an operator dead letters leave by

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op


revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('dead_letters', sa.Column('job', sa.String(36), nullable=True))
    op.create_index('ix_dead_letters_job', 'dead_letters', ['job'])


def downgrade() -> None:
    op.drop_index('ix_dead_letters_job', table_name='dead_letters')
    op.drop_column('dead_letters', 'job')
