"""What an endpoint was not told is found without looking at the others

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op


revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None

UNTOLD = sa.text("state IN ('given_up', 'held')")


def upgrade() -> None:
    op.create_index(
        'ix_callbacks_endpoint_state_id',
        'callbacks',
        ['endpoint', 'state', 'id'],
        sqlite_where=UNTOLD,
        postgresql_where=UNTOLD,
    )


def downgrade() -> None:
    op.drop_index('ix_callbacks_endpoint_state_id', table_name='callbacks')
