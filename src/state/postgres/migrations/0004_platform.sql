-- Up Migration

-- A notification that ended can be redriven: then its retries begin anew, and its attempts are counted on.
ALTER TABLE notifications ADD COLUMN earlier_attempts int NOT NULL DEFAULT 0;

-- Those of events are kept for as long as Kafka may bring them again; null: as configured.
ALTER TABLE idempotency_keys ADD COLUMN keep_seconds float8;

-- What ended badly and can be redriven, newest first. That nobody was connected is no accident, and there may be
-- much of it: that is listed by itself.
CREATE INDEX idx_notifications_dead ON notifications (tenant_id, updated_at DESC, id DESC)
  WHERE status IN ('failed', 'uncertain') AND digest_id IS NULL AND reason IS DISTINCT FROM 'offline';
CREATE INDEX idx_notifications_offline ON notifications (tenant_id, updated_at DESC, id DESC)
  WHERE status = 'failed' AND digest_id IS NULL AND reason = 'offline';

-- Events that could not become notifications.
CREATE TABLE dead_letters (
  id varchar(64) PRIMARY KEY,
  tenant_id varchar(64) NOT NULL,
  topic varchar(249) NOT NULL,
  partition int NOT NULL,
  -- As Kafka counts: 64 bits.
  "offset" bigint NOT NULL,
  key bytea,
  -- [[name, value]], values as base64
  headers jsonb NOT NULL,
  -- Null: there was none, or the record was larger than what is kept.
  payload bytea,
  -- Of the payload as it came.
  size int NOT NULL,
  -- False: the record was larger than what is kept, and cannot be redriven.
  complete boolean NOT NULL,
  -- Hash of key and payload: a topic that is made anew counts from the beginning.
  fingerprint varchar(64) NOT NULL,
  event_id varchar(255),
  event_type varchar(255),
  -- A code of the failure catalogue, or unreadable
  reason varchar(64) NOT NULL,
  detail text NOT NULL,
  traceparent varchar(55),
  -- Set once it has become notifications after all.
  redriven_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (topic, partition, "offset", fingerprint)
);
-- By when it was last found to be dead: what fails again stands at the top.
CREATE INDEX idx_dead_letters_tenant ON dead_letters (tenant_id, updated_at DESC, id DESC) WHERE redriven_at IS NULL;
CREATE INDEX idx_dead_letters_redriven ON dead_letters (tenant_id, updated_at DESC, id DESC) WHERE redriven_at IS NOT NULL;

-- What was or should have been shown on a user's sockets, by time: what a client has missed. The inbox has its own.
CREATE INDEX idx_notifications_shown ON notifications (tenant_id, user_id, (coalesce(sent_at, updated_at)) DESC, id DESC)
  WHERE channel = 'websocket' AND status IN ('sending', 'sent', 'failed') AND digest_id IS NULL;
