-- Up Migration

-- The truth: one row a notification. Ids are time-ordered, so that the table can be partitioned by them.
CREATE TABLE notifications (
  id varchar(64) PRIMARY KEY,
  tenant_id varchar(64) NOT NULL,
  user_id varchar(64) NOT NULL,
  channel varchar(20) NOT NULL,
  priority int NOT NULL,
  notification_type varchar(64) NOT NULL,
  template_id varchar(64),
  title varchar(255) NOT NULL,
  content text NOT NULL,
  metadata jsonb NOT NULL,
  status varchar(20) NOT NULL,
  -- Why it is deferred, suppressed, expired or failed.
  reason varchar(64),
  job_id varchar(64),
  -- The notification that failed and whose place this one takes.
  parent_id varchar(64),
  traceparent varchar(55),
  scheduled_at timestamptz,
  expires_at timestamptz,
  -- When a pending notification is due; it is never claimed before.
  due_at timestamptz NOT NULL,
  -- It has passed every stage and waits only for a free slot.
  admitted boolean NOT NULL,
  attempt int NOT NULL DEFAULT 0,
  -- The fence: only who holds the token may write a result.
  lease_token varchar(36),
  lease_until timestamptz,
  sent_at timestamptz,
  read_at timestamptz,
  archived_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- What is not finished, for the sweeper.
CREATE INDEX idx_notifications_pending ON notifications (due_at, id) WHERE status = 'pending';
CREATE INDEX idx_notifications_sending ON notifications (lease_until) WHERE status = 'sending';
-- The inbox, newest first, and what is unread in it.
CREATE INDEX idx_notifications_inbox ON notifications (tenant_id, user_id, sent_at DESC, id DESC)
  WHERE channel = 'in_app' AND status = 'sent';
CREATE INDEX idx_notifications_unread ON notifications (tenant_id, user_id)
  WHERE channel = 'in_app' AND status = 'sent' AND read_at IS NULL AND archived_at IS NULL;
-- Everything that concerns a user, by channel: history, export, erasure.
CREATE INDEX idx_notifications_user ON notifications (tenant_id, user_id, channel, id DESC);
CREATE INDEX idx_notifications_job ON notifications (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX idx_notifications_created_at ON notifications USING brin (created_at);

CREATE TABLE delivery_attempts (
  notification_id varchar(64) NOT NULL,
  attempt int NOT NULL,
  result varchar(20) NOT NULL,
  failure_code varchar(64),
  message text,
  provider_id varchar(255),
  started_at timestamptz NOT NULL,
  duration_ms int NOT NULL,
  PRIMARY KEY (notification_id, attempt)
);

CREATE TABLE jobs (
  id varchar(64) PRIMARY KEY,
  tenant_id varchar(64) NOT NULL,
  total int NOT NULL,
  -- Users refused without a row, by error code.
  refused jsonb NOT NULL DEFAULT '{}',
  idempotency_key text,
  fingerprint varchar(64),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX idx_jobs_key ON jobs (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE idempotency_keys (
  tenant_id varchar(64) NOT NULL,
  key text NOT NULL,
  fingerprint varchar(64) NOT NULL,
  -- The answer that was given, to be given again.
  acceptance jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idx_idempotency_keys_created_at ON idempotency_keys USING brin (created_at);
