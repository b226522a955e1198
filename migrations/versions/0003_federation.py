"""Peers, and the messages between them and us.

Three rows a peer, because three writers hold them; messages are kept apart from what they say.
"""

import sqlalchemy as sa
from alembic import op
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('actor_fetches',
    sa.Column('origin', sa.String(length=300), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('origin', name=op.f('pk_actor_fetches'))
    )
    op.create_index(op.f('ix_actor_fetches_at'), 'actor_fetches', ['at'], unique=False)
    op.create_table('federation_events',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('activity_id', sa.String(length=500), nullable=False),
    sa.Column('activity_type', sa.String(length=40), nullable=False),
    sa.Column('object_url', sa.String(length=500), nullable=False),
    sa.Column('object_version', sa.Integer(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_federation_events')),
    sa.UniqueConstraint('activity_id', name=op.f('uq_federation_events_activity_id'))
    )
    op.create_index(op.f('ix_federation_events_object_url'), 'federation_events', ['object_url'], unique=False)
    op.create_table('instance_keys',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('sealed_private_key', sa.LargeBinary(), nullable=False),
    sa.Column('epoch', sa.String(length=40), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_instance_keys'))
    )
    op.create_table('peers',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('origin', sa.String(length=300), nullable=False),
    sa.Column('actor_url', sa.String(length=500), nullable=False),
    sa.Column('inbox_url', sa.String(length=500), nullable=False),
    sa.Column('key_id', sa.String(length=500), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False),
    sa.Column('candidate_key_id', sa.String(length=500), nullable=True),
    sa.Column('candidate_key', sa.LargeBinary(), nullable=True),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('software', sa.String(length=100), nullable=False),
    sa.Column('state', sa.Enum('none', 'proposed', 'requested', 'active', 'suspended', 'key_changed', 'ended', 'blocked', name='state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('offer_id', sa.String(length=500), nullable=True),
    sa.Column('answer_id', sa.String(length=500), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('active_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_peers')),
    sa.UniqueConstraint('origin', name=op.f('uq_peers_origin'))
    )
    op.create_table('seen_nonces',
    sa.Column('origin', sa.String(length=300), nullable=False),
    sa.Column('nonce', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('origin', 'nonce', name=op.f('pk_seen_nonces'))
    )
    op.create_index('ix_seen_nonces_origin_at', 'seen_nonces', ['origin', 'at'], unique=False)
    op.create_table('deliveries',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('peer_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.BigInteger(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.Enum('pending', 'sent', 'dead', name='state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_status', sa.Integer(), nullable=True),
    sa.Column('last_code', sa.String(length=100), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['event_id'], ['federation_events.id'], name=op.f('fk_deliveries_event_id_federation_events'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['peer_id'], ['peers.id'], name=op.f('fk_deliveries_peer_id_peers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries'))
    )
    op.create_index(op.f('ix_deliveries_event_id'), 'deliveries', ['event_id'], unique=False)
    op.create_index('ix_deliveries_peer_event', 'deliveries', ['peer_id', 'event_id'], unique=False)
    op.create_index('ix_deliveries_pending', 'deliveries', ['peer_id', 'id'], unique=False, postgresql_where=sa.text("state = 'pending'"))
    op.create_index('uq_deliveries_peer_id_seq', 'deliveries', ['peer_id', 'seq'], unique=True)
    op.create_table('incoming_messages',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('peer_id', sa.Uuid(), nullable=False),
    sa.Column('activity_id', sa.String(length=500), nullable=False),
    sa.Column('activity_type', sa.String(length=40), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('body_hash', sa.LargeBinary(), nullable=False),
    sa.Column('epoch', sa.String(length=40), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.Enum('received', 'applied', 'ignored', 'refused', 'parked', name='state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('code', sa.String(length=100), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['peer_id'], ['peers.id'], name=op.f('fk_incoming_messages_peer_id_peers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incoming_messages'))
    )
    op.create_index('ix_incoming_messages_received', 'incoming_messages', ['peer_id', 'seq'], unique=False, postgresql_where=sa.text("state = 'received'"))
    op.create_index('ix_incoming_messages_sequence', 'incoming_messages', ['peer_id', 'epoch', 'seq'], unique=False)
    op.create_index('uq_incoming_messages_activity', 'incoming_messages', ['peer_id', 'activity_id'], unique=True)
    op.create_table('peer_inboxes',
    sa.Column('peer_id', sa.Uuid(), nullable=False),
    sa.Column('epoch', sa.String(length=40), nullable=False),
    sa.Column('applied_seq', sa.BigInteger(), nullable=False),
    sa.Column('last_message_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pull_failures', sa.Integer(), nullable=False),
    sa.Column('pull_after', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['peer_id'], ['peers.id'], name=op.f('fk_peer_inboxes_peer_id_peers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('peer_id', name=op.f('pk_peer_inboxes'))
    )
    op.create_table('peer_outboxes',
    sa.Column('peer_id', sa.Uuid(), nullable=False),
    sa.Column('last_seq', sa.BigInteger(), nullable=False),
    sa.Column('acknowledged_seq', sa.BigInteger(), nullable=False),
    sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('nudged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_success_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_failure_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_failure', sa.String(length=60), nullable=False),
    sa.Column('leased_until', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['peer_id'], ['peers.id'], name=op.f('fk_peer_outboxes_peer_id_peers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('peer_id', name=op.f('pk_peer_outboxes'))
    )
    op.create_table('remote_objects',
    sa.Column('url', sa.String(length=500), nullable=False),
    sa.Column('peer_id', sa.Uuid(), nullable=False),
    sa.Column('epoch', sa.String(length=40), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('gone', sa.Boolean(), nullable=False),
    sa.Column('need_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['peer_id'], ['peers.id'], name=op.f('fk_remote_objects_peer_id_peers'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('url', name=op.f('pk_remote_objects'))
    )
    op.create_index(op.f('ix_remote_objects_peer_id'), 'remote_objects', ['peer_id'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_remote_objects_peer_id'), table_name='remote_objects')
    op.drop_table('remote_objects')
    op.drop_table('peer_outboxes')
    op.drop_table('peer_inboxes')
    op.drop_index('uq_incoming_messages_activity', table_name='incoming_messages')
    op.drop_index('ix_incoming_messages_sequence', table_name='incoming_messages')
    op.drop_index('ix_incoming_messages_received', table_name='incoming_messages', postgresql_where=sa.text("state = 'received'"))
    op.drop_table('incoming_messages')
    op.drop_index('uq_deliveries_peer_id_seq', table_name='deliveries')
    op.drop_index('ix_deliveries_pending', table_name='deliveries', postgresql_where=sa.text("state = 'pending'"))
    op.drop_index('ix_deliveries_peer_event', table_name='deliveries')
    op.drop_index(op.f('ix_deliveries_event_id'), table_name='deliveries')
    op.drop_table('deliveries')
    op.drop_index('ix_seen_nonces_origin_at', table_name='seen_nonces')
    op.drop_table('seen_nonces')
    op.drop_table('peers')
    op.drop_table('instance_keys')
    op.drop_index(op.f('ix_federation_events_object_url'), table_name='federation_events')
    op.drop_table('federation_events')
    op.drop_index(op.f('ix_actor_fetches_at'), table_name='actor_fetches')
    op.drop_table('actor_fetches')
