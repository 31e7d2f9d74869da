-- Up Migration

-- A notification that ended can be redriven: then its retries begin anew, and its attempts are counted on.
ALTER TABLE notifications ADD COLUMN earlier_attempts int NOT NULL DEFAULT 0;

-- Those of events are kept for as long as Kafka may bring them again; null: as configured.
ALTER TABLE idempotency_keys ADD COLUMN keep_seconds float8;

-- What ended badly and can be redriven, newest first.
CREATE INDEX idx_notifications_dead ON notifications (tenant_id, updated_at DESC, id DESC)
  WHERE status IN ('failed', 'uncertain');

-- Events that could not become notifications.
CREATE TABLE dead_letters (
  id varchar(64) PRIMARY KEY,
  tenant_id varchar(64) NOT NULL,
  topic varchar(249) NOT NULL,
  partition int NOT NULL,
  -- As Kafka counts: 64 bits.
  "offset" bigint NOT NULL,
  key bytea,
  -- [[name, value]], binary values as base64
  headers jsonb NOT NULL,
  -- Null: there was none, or it was larger than what is kept.
  payload bytea,
  -- Of the payload as it came.
  size int NOT NULL,
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
CREATE INDEX idx_dead_letters_tenant ON dead_letters (tenant_id, created_at DESC, id DESC);
CREATE INDEX idx_dead_letters_created_at ON dead_letters USING brin (created_at);
