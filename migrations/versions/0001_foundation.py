"""The foundation: accounts, organisations, needs, claims, the ledger, what happened.

Expand, backfill, contract: old code must run on the new schema. Never edited once landed.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('accounts',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('handle', sa.String(length=32), nullable=False),
    sa.Column('display_name', sa.String(length=80), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('password_hash', sa.String(), nullable=False),
    sa.Column('language', sa.String(length=35), nullable=False),
    sa.Column('steward', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_accounts'))
    )
    op.create_index('uq_accounts_email_folded', 'accounts', [sa.literal_column('lower(email)')], unique=True)
    op.create_index('uq_accounts_handle_folded', 'accounts', [sa.literal_column('lower(handle)')], unique=True)
    op.create_table('activities',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('verb', sa.String(length=60), nullable=False),
    sa.Column('noun', sa.String(length=30), nullable=False),
    sa.Column('object_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('request_id', sa.String(length=64), nullable=True),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('pending', sa.Boolean(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_error', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_activities'))
    )
    op.create_index('ix_activities_object', 'activities', ['noun', 'object_id', 'id'], unique=False)
    op.create_index('ix_activities_pending', 'activities', ['id'], unique=False, postgresql_where=sa.text('pending'))
    op.create_table('idempotency_keys',
    sa.Column('scope', sa.String(length=200), nullable=False),
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.Column('body_hash', sa.LargeBinary(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('scope', 'key', name=op.f('pk_idempotency_keys'))
    )
    op.create_index(op.f('ix_idempotency_keys_expires_at'), 'idempotency_keys', ['expires_at'], unique=False)
    op.create_table('instance_settings',
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('value', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_instance_settings'))
    )
    op.create_table('setup_tokens',
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_setup_tokens'))
    )
    op.create_table('sign_in_failures',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.LargeBinary(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in_failures'))
    )
    op.create_index('ix_sign_in_failures_key_at', 'sign_in_failures', ['key', 'at'], unique=False)
    op.create_table('access_tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.String()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_access_tokens_account_id_accounts'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_access_tokens')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_access_tokens_token_hash'))
    )
    op.create_index(op.f('ix_access_tokens_account_id'), 'access_tokens', ['account_id'], unique=False)
    op.create_table('jobs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Enum('queued', 'running', 'done', 'failed', name='state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('parameters', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=True),
    sa.Column('warnings', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('result', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('heartbeat_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_jobs_account_id_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_jobs'))
    )
    op.create_index(op.f('ix_jobs_account_id'), 'jobs', ['account_id'], unique=False)
    op.create_table('organisations',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.String(length=60), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('summary', sa.String(), nullable=False),
    sa.Column('languages', postgresql.ARRAY(sa.String()), nullable=False),
    sa.Column('site', sa.String(), nullable=True),
    sa.Column('time_zone', sa.String(length=60), nullable=False),
    sa.Column('state', sa.Enum('proposed', 'accepted', 'declined', 'suspended', name='state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('state_reason', sa.String(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['accounts.id'], name=op.f('fk_organisations_created_by_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organisations')),
    sa.UniqueConstraint('slug', name=op.f('uq_organisations_slug'))
    )
    op.create_table('profiles',
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('about', sa.String(), nullable=False),
    sa.Column('tags', postgresql.ARRAY(sa.String()), nullable=False),
    sa.Column('languages', postgresql.ARRAY(sa.String()), nullable=False),
    sa.Column('hours_per_week', sa.Integer(), nullable=False),
    sa.Column('time_zone', sa.String(length=60), nullable=False),
    sa.Column('findable', sa.Boolean(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_profiles_account_id_accounts'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_profiles'))
    )
    op.create_table('reactions',
    sa.Column('activity_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['activity_id'], ['activities.id'], name=op.f('fk_reactions_activity_id_activities'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('activity_id', 'name', name=op.f('pk_reactions'))
    )
    op.create_table('sessions',
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_sessions_account_id_accounts'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_sessions'))
    )
    op.create_index(op.f('ix_sessions_account_id'), 'sessions', ['account_id'], unique=False)
    op.create_index(op.f('ix_sessions_expires_at'), 'sessions', ['expires_at'], unique=False)
    op.create_table('books',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_books_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_books')),
    sa.UniqueConstraint('organisation_id', name=op.f('uq_books_organisation_id'))
    )
    op.create_table('memberships',
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('role', sa.Enum('owner', 'member', name='role', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('worker_owner', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_memberships_account_id_accounts'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_memberships_organisation_id_organisations'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('organisation_id', 'account_id', name=op.f('pk_memberships'))
    )
    op.create_index(op.f('ix_memberships_account_id'), 'memberships', ['account_id'], unique=False)
    op.create_table('needs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=True),
    sa.Column('organisation_name', sa.String(length=200), nullable=False),
    sa.Column('peer_id', sa.Uuid(), nullable=True),
    sa.Column('origin_url', sa.String(length=2000), nullable=True),
    sa.Column('origin_instance', sa.String(length=300), nullable=True),
    sa.Column('state', sa.Enum('draft', 'review', 'open', 'paused', 'in_progress', 'done', 'archived', 'withdrawn', 'expired', name='state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('state_reason', sa.String(), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('language', sa.String(length=35), nullable=False),
    sa.Column('kind', sa.Enum('labour', 'money_record', 'training', 'networking', 'development', 'rescue', 'hosting', 'communication', 'organising', 'ecommerce', 'outreach', 'security', 'design', 'translation', 'teaching', name='kind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('stream', sa.Enum('gift', 'stipend', 'paid', name='stream', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('skill_slugs', postgresql.ARRAY(sa.String()), nullable=False),
    sa.Column('must_slugs', postgresql.ARRAY(sa.String()), nullable=False),
    sa.Column('skills_unknown', sa.Boolean(), nullable=False),
    sa.Column('tags', postgresql.ARRAY(sa.String()), nullable=False),
    sa.Column('estimate_minutes', sa.Integer(), nullable=True),
    sa.Column('places', sa.Integer(), nullable=False),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.Column('urgency', sa.Enum('low', 'normal', 'high', name='urgency', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('deadline', sa.Date(), nullable=True),
    sa.Column('remote', sa.Boolean(), nullable=False),
    sa.Column('region', sa.String(length=200), nullable=False),
    sa.Column('audience', sa.Enum('instance', 'named_peers', 'peers', 'public', name='audience', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('audience_peers', postgresql.ARRAY(sa.String()), nullable=False),
    sa.Column('instant', sa.Boolean(), nullable=False),
    sa.Column('harm_check', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('link', sa.String(), nullable=True),
    sa.Column('external_id', sa.String(length=200), nullable=True),
    sa.Column('beneficiary', sa.String(length=200), nullable=True),
    sa.Column('source', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('search_text', sa.String(), nullable=False),
    sa.Column('search_vector', postgresql.TSVECTOR(), sa.Computed("to_tsvector('simple'::regconfig, search_text)", persisted=True), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('(organisation_id IS NULL) = (origin_url IS NOT NULL)', name=op.f('ck_needs_ours_or_mirrored')),
    sa.CheckConstraint('taken >= 0 AND taken <= places', name=op.f('ck_needs_taken_within_places')),
    sa.ForeignKeyConstraint(['created_by'], ['accounts.id'], name=op.f('fk_needs_created_by_accounts')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], name=op.f('fk_needs_organisation_id_organisations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_needs')),
    sa.UniqueConstraint('origin_url', name=op.f('uq_needs_origin_url'))
    )
    op.create_index('ix_needs_listed', 'needs', ['state', sa.literal_column('published_at DESC'), sa.literal_column('id DESC')], unique=False)
    op.create_index('ix_needs_organisation', 'needs', ['organisation_id', 'state'], unique=False)
    op.create_index('ix_needs_peer', 'needs', ['peer_id'], unique=False)
    op.create_index('ix_needs_search', 'needs', ['search_vector'], unique=False, postgresql_using='gin')
    op.create_index('ix_needs_skill_slugs', 'needs', ['skill_slugs'], unique=False, postgresql_using='gin')
    op.create_index('uq_needs_external_id', 'needs', ['organisation_id', 'external_id'], unique=True, postgresql_where=sa.text('external_id IS NOT NULL'))
    op.create_table('profile_skills',
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.String(length=60), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['profiles.account_id'], name=op.f('fk_profile_skills_account_id_profiles'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', 'slug', name=op.f('pk_profile_skills'))
    )
    op.create_table('claims',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('need_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.Enum('applied', 'accepted', 'active', 'submitted', 'confirmed', 'declined', 'withdrawn', 'expired', 'released', 'lapsed', 'changes_requested', 'disputed', 'rejected', name='state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_claims_account_id_accounts')),
    sa.ForeignKeyConstraint(['need_id'], ['needs.id'], name=op.f('fk_claims_need_id_needs')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claims'))
    )
    op.create_index('ix_claims_account', 'claims', ['account_id', sa.literal_column('created_at DESC'), 'id'], unique=False)
    op.create_index('ix_claims_need_state', 'claims', ['need_id', 'state'], unique=False)
    op.create_index('uq_claims_one_live', 'claims', ['need_id', 'account_id'], unique=True, postgresql_where=sa.text("state IN ('applied', 'accepted', 'active', 'submitted', 'changes_requested', 'disputed', 'confirmed')"))
    op.create_table('ledger_accounts',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('book_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('worker', 'organisation', 'suspense', name='kind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('holder_id', sa.Uuid(), nullable=False),
    sa.Column('stream', sa.Enum('livelihood', 'gift', 'care', 'governance', name='stream', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.ForeignKeyConstraint(['book_id'], ['books.id'], name=op.f('fk_ledger_accounts_book_id_books')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_accounts')),
    sa.UniqueConstraint('book_id', 'kind', 'holder_id', 'stream', name=op.f('uq_ledger_accounts_book_id_kind_holder_id_stream'))
    )
    op.create_index(op.f('ix_ledger_accounts_holder_id'), 'ledger_accounts', ['holder_id'], unique=False)
    op.create_table('need_history',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('need_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('from_state', sa.Enum('draft', 'review', 'open', 'paused', 'in_progress', 'done', 'archived', 'withdrawn', 'expired', name='from_state', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('to_state', sa.Enum('draft', 'review', 'open', 'paused', 'in_progress', 'done', 'archived', 'withdrawn', 'expired', name='to_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('request_id', sa.String(length=64), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['need_id'], ['needs.id'], name=op.f('fk_need_history_need_id_needs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_need_history'))
    )
    op.create_index(op.f('ix_need_history_need_id'), 'need_history', ['need_id'], unique=False)
    op.create_table('balances',
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('unit', sa.String(length=10), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['ledger_accounts.id'], name=op.f('fk_balances_account_id_ledger_accounts')),
    sa.PrimaryKeyConstraint('account_id', 'unit', name=op.f('pk_balances'))
    )
    op.create_table('claim_history',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('claim_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=True),
    sa.Column('from_state', sa.Enum('applied', 'accepted', 'active', 'submitted', 'confirmed', 'declined', 'withdrawn', 'expired', 'released', 'lapsed', 'changes_requested', 'disputed', 'rejected', name='from_state', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('to_state', sa.Enum('applied', 'accepted', 'active', 'submitted', 'confirmed', 'declined', 'withdrawn', 'expired', 'released', 'lapsed', 'changes_requested', 'disputed', 'rejected', name='to_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('request_id', sa.String(length=64), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['claim_id'], ['claims.id'], name=op.f('fk_claim_history_claim_id_claims'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_claim_history'))
    )
    op.create_index(op.f('ix_claim_history_claim_id'), 'claim_history', ['claim_id'], unique=False)
    op.create_table('entries',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('book_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('contribution', 'correction', name='kind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('worked_on', sa.Date(), nullable=False),
    sa.Column('claim_id', sa.Uuid(), nullable=True),
    sa.Column('corrects', sa.Uuid(), nullable=True),
    sa.Column('recorded_by', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('posting_count', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['book_id'], ['books.id'], name=op.f('fk_entries_book_id_books')),
    sa.ForeignKeyConstraint(['claim_id'], ['claims.id'], name=op.f('fk_entries_claim_id_claims')),
    sa.ForeignKeyConstraint(['corrects'], ['entries.entry_id'], name=op.f('fk_entries_corrects_entries')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entries')),
    sa.UniqueConstraint('claim_id', name=op.f('uq_entries_claim_id')),
    sa.UniqueConstraint('entry_id', name=op.f('uq_entries_entry_id'))
    )
    op.create_index('ix_entries_book', 'entries', ['book_id', 'id'], unique=False)
    op.create_table('work_logs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('claim_id', sa.Uuid(), nullable=False),
    sa.Column('worked_on', sa.Date(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('minutes BETWEEN 1 AND 1440', name=op.f('ck_work_logs_minutes_of_one_day')),
    sa.ForeignKeyConstraint(['claim_id'], ['claims.id'], name=op.f('fk_work_logs_claim_id_claims'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_work_logs'))
    )
    op.create_index(op.f('ix_work_logs_claim_id'), 'work_logs', ['claim_id'], unique=False)
    op.create_table('postings',
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('account_id', sa.Uuid(), nullable=False),
    sa.Column('unit', sa.String(length=10), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('amount <> 0', name=op.f('ck_postings_amount_not_zero')),
    sa.ForeignKeyConstraint(['account_id'], ['ledger_accounts.id'], name=op.f('fk_postings_account_id_ledger_accounts')),
    sa.ForeignKeyConstraint(['entry_id'], ['entries.entry_id'], name=op.f('fk_postings_entry_id_entries')),
    sa.PrimaryKeyConstraint('entry_id', 'account_id', 'unit', name=op.f('pk_postings'))
    )
    op.create_index('ix_postings_account', 'postings', ['account_id', 'entry_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_postings_account', table_name='postings')
    op.drop_table('postings')
    op.drop_index(op.f('ix_work_logs_claim_id'), table_name='work_logs')
    op.drop_table('work_logs')
    op.drop_index('ix_entries_book', table_name='entries')
    op.drop_table('entries')
    op.drop_index(op.f('ix_claim_history_claim_id'), table_name='claim_history')
    op.drop_table('claim_history')
    op.drop_table('balances')
    op.drop_index(op.f('ix_need_history_need_id'), table_name='need_history')
    op.drop_table('need_history')
    op.drop_index(op.f('ix_ledger_accounts_holder_id'), table_name='ledger_accounts')
    op.drop_table('ledger_accounts')
    op.drop_index('uq_claims_one_live', table_name='claims', postgresql_where=sa.text("state IN ('applied', 'accepted', 'active', 'submitted', 'changes_requested', 'disputed', 'confirmed')"))
    op.drop_index('ix_claims_need_state', table_name='claims')
    op.drop_index('ix_claims_account', table_name='claims')
    op.drop_table('claims')
    op.drop_table('profile_skills')
    op.drop_index('uq_needs_external_id', table_name='needs', postgresql_where=sa.text('external_id IS NOT NULL'))
    op.drop_index('ix_needs_skill_slugs', table_name='needs', postgresql_using='gin')
    op.drop_index('ix_needs_search', table_name='needs', postgresql_using='gin')
    op.drop_index('ix_needs_peer', table_name='needs')
    op.drop_index('ix_needs_organisation', table_name='needs')
    op.drop_index('ix_needs_listed', table_name='needs')
    op.drop_table('needs')
    op.drop_index(op.f('ix_memberships_account_id'), table_name='memberships')
    op.drop_table('memberships')
    op.drop_table('books')
    op.drop_index(op.f('ix_sessions_expires_at'), table_name='sessions')
    op.drop_index(op.f('ix_sessions_account_id'), table_name='sessions')
    op.drop_table('sessions')
    op.drop_table('reactions')
    op.drop_table('profiles')
    op.drop_table('organisations')
    op.drop_index(op.f('ix_jobs_account_id'), table_name='jobs')
    op.drop_table('jobs')
    op.drop_index(op.f('ix_access_tokens_account_id'), table_name='access_tokens')
    op.drop_table('access_tokens')
    op.drop_index('ix_sign_in_failures_key_at', table_name='sign_in_failures')
    op.drop_table('sign_in_failures')
    op.drop_table('setup_tokens')
    op.drop_table('instance_settings')
    op.drop_index(op.f('ix_idempotency_keys_expires_at'), table_name='idempotency_keys')
    op.drop_table('idempotency_keys')
    op.drop_index('ix_activities_pending', table_name='activities', postgresql_where=sa.text('pending'))
    op.drop_index('ix_activities_object', table_name='activities')
    op.drop_table('activities')
    op.drop_index('uq_accounts_handle_folded', table_name='accounts')
    op.drop_index('uq_accounts_email_folded', table_name='accounts')
    op.drop_table('accounts')
