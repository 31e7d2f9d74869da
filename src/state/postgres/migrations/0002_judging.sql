-- Up Migration

-- What was made of a template, and what was collected into a digest.
ALTER TABLE notifications
  ADD COLUMN template_version int,
  ADD COLUMN template_variant varchar(64),
  ADD COLUMN locale varchar(35),
  -- The frequency, when this notification is a digest of others.
  ADD COLUMN digest varchar(10),
  -- The digest that this notification was collected into; what becomes of it becomes of this one.
  ADD COLUMN digest_id varchar(64);

-- The condition on the status is written so that no other partial index looks as good for it: they hold
-- everything that is due, and at a boundary that is nearly all of this.
CREATE INDEX idx_notifications_held ON notifications (tenant_id, user_id, channel)
  WHERE status || '' = 'pending' AND reason = 'digest' AND digest_id IS NULL;
CREATE INDEX idx_notifications_digest ON notifications (digest_id, id) WHERE digest_id IS NOT NULL;

-- Collected notifications wait for their digest and not for a time.
DROP INDEX idx_notifications_pending;
CREATE INDEX idx_notifications_pending ON notifications (due_at, id) WHERE status = 'pending' AND digest_id IS NULL;
-- The inbox shows the digest and not what is in it.
DROP INDEX idx_notifications_inbox;
CREATE INDEX idx_notifications_inbox ON notifications (tenant_id, user_id, sent_at DESC, id DESC)
  WHERE channel = 'in_app' AND status = 'sent' AND digest_id IS NULL;
DROP INDEX idx_notifications_unread;
CREATE INDEX idx_notifications_unread ON notifications (tenant_id, user_id)
  WHERE channel = 'in_app' AND status = 'sent' AND read_at IS NULL AND archived_at IS NULL AND digest_id IS NULL;

-- Whichever statement ends a digest ends what was collected into it, in the same transaction.
CREATE FUNCTION end_digest_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE notifications SET status = NEW.status, reason = NEW.reason, sent_at = NEW.sent_at, updated_at = now()
  WHERE digest_id = NEW.id AND status = 'pending';
  RETURN NULL;
END $$;
CREATE TRIGGER end_digest_members AFTER UPDATE OF status ON notifications FOR EACH ROW
  WHEN (NEW.digest IS NOT NULL AND NEW.status NOT IN ('pending', 'sending') AND OLD.status IN ('pending', 'sending'))
  EXECUTE FUNCTION end_digest_members();

CREATE TABLE templates (
  tenant_id varchar(64) NOT NULL,
  id varchar(64) NOT NULL,
  name varchar(100) NOT NULL,
  channel varchar(20) NOT NULL,
  -- The version that is sent; null until one is approved.
  active_version int,
  latest_version int NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE template_versions (
  tenant_id varchar(64) NOT NULL,
  template_id varchar(64) NOT NULL,
  version int NOT NULL,
  -- pending_review, approved or rejected
  status varchar(20) NOT NULL,
  default_locale varchar(35) NOT NULL,
  -- [{name, default?}]
  variables jsonb NOT NULL,
  -- [{name, weight, texts: {locale: {title, content}}}]
  variants jsonb NOT NULL,
  created_by varchar(64) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Null beside a time: approved by the configuration.
  reviewed_by varchar(64),
  reviewed_at timestamptz,
  -- Why it was rejected.
  review_note text,
  PRIMARY KEY (tenant_id, template_id, version),
  FOREIGN KEY (tenant_id, template_id) REFERENCES templates (tenant_id, id) ON DELETE CASCADE
);

-- The directory: who is behind a user id.
CREATE TABLE recipients (
  tenant_id varchar(64) NOT NULL,
  user_id varchar(64) NOT NULL,
  email varchar(254),
  -- As the suppression list spells it.
  email_canonical varchar(1024),
  -- E.164
  phone varchar(20),
  locale varchar(35),
  timezone varchar(64),
  -- [{start, end}] in minutes after midnight; null: as configured
  quiet_hours jsonb,
  -- [{platform, token}]
  devices jsonb NOT NULL DEFAULT '[]',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE subscriptions (
  tenant_id varchar(64) NOT NULL,
  user_id varchar(64) NOT NULL,
  -- type, group or all
  scope varchar(10) NOT NULL,
  -- The type or the group; empty for all.
  notification_type varchar(64) NOT NULL,
  -- Empty: every channel.
  channel varchar(20) NOT NULL,
  enabled boolean NOT NULL,
  frequency varchar(10) NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, user_id, scope, notification_type, channel)
);

CREATE TABLE blocklist (
  tenant_id varchar(64) NOT NULL,
  user_id varchar(64) NOT NULL,
  reason text,
  created_by varchar(64) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE suppressions (
  tenant_id varchar(64) NOT NULL,
  channel varchar(20) NOT NULL,
  -- In its canonical spelling.
  address varchar(1024) NOT NULL,
  reason varchar(20) NOT NULL,
  note text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, channel, address)
);

-- Links that were used: a second use changes nothing, whatever the user decided since.
CREATE TABLE used_unsubscribe_links (
  tenant_id varchar(64) NOT NULL,
  notification_id varchar(64) NOT NULL,
  scope varchar(10) NOT NULL,
  used_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, notification_id, scope)
);

-- Limits that losing Redis must not lift.
CREATE TABLE send_counts (
  tenant_id varchar(64) NOT NULL,
  user_id varchar(64) NOT NULL,
  channel varchar(20) NOT NULL,
  -- Hours since the epoch.
  hour int NOT NULL,
  -- The limit, and how much of it the last batch was granted.
  per_hour int NOT NULL,
  granted int NOT NULL,
  count int NOT NULL,
  PRIMARY KEY (tenant_id, user_id, channel, hour)
);
CREATE INDEX idx_send_counts_hour ON send_counts (hour);

CREATE TABLE schedules (
  tenant_id varchar(64) NOT NULL,
  id varchar(64) NOT NULL,
  name varchar(100) NOT NULL,
  -- Either a cron expression of five fields or an interval such as 15m, 2h, 1d or 1w.
  cron varchar(100),
  every varchar(20),
  timezone varchar(64) NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz,
  -- What becomes of runs that were missed: run_once or skip
  missed varchar(10) NOT NULL,
  paused boolean NOT NULL DEFAULT false,
  -- The body of a send or batch request.
  message jsonb NOT NULL,
  -- Null while it is paused, and when there is none any more.
  next_run_at timestamptz,
  -- Counts changes, so that nobody plans by what has been replaced.
  revision int NOT NULL DEFAULT 1,
  created_by varchar(64) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id)
);
CREATE INDEX idx_schedules_tenant ON schedules (tenant_id, id);
CREATE INDEX idx_schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL AND NOT paused;

CREATE TABLE schedule_runs (
  schedule_id varchar(64) NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
  planned_at timestamptz NOT NULL,
  -- firing, done, failed or missed
  status varchar(10) NOT NULL,
  -- Until then it is one instance's to fire.
  lease_until timestamptz NOT NULL DEFAULT now(),
  attempt int NOT NULL DEFAULT 0,
  fired_at timestamptz,
  notification_id varchar(64),
  job_id varchar(64),
  accepted int,
  refused int,
  -- Why it failed, or is to be fired again.
  error text,
  PRIMARY KEY (schedule_id, planned_at)
);
CREATE INDEX idx_schedule_runs_firing ON schedule_runs (lease_until) WHERE status = 'firing';

-- Tells every instance at once what its caches no longer know. Bulk changes tell each key once a transaction.
CREATE FUNCTION tell_template() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('notification_templates', json_build_array(coalesce(NEW.tenant_id, OLD.tenant_id), coalesce(NEW.id, OLD.id))::text);
  RETURN NULL;
END $$;
CREATE TRIGGER tell_template AFTER INSERT OR UPDATE OR DELETE ON templates FOR EACH ROW EXECUTE FUNCTION tell_template();

CREATE FUNCTION tell_recipient() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('notification_recipients', json_build_array(coalesce(NEW.tenant_id, OLD.tenant_id), coalesce(NEW.user_id, OLD.user_id))::text);
  RETURN NULL;
END $$;
CREATE TRIGGER tell_recipient AFTER INSERT OR UPDATE OR DELETE ON recipients FOR EACH ROW EXECUTE FUNCTION tell_recipient();
CREATE TRIGGER tell_recipient AFTER INSERT OR UPDATE OR DELETE ON subscriptions FOR EACH ROW EXECUTE FUNCTION tell_recipient();
CREATE TRIGGER tell_recipient AFTER INSERT OR UPDATE OR DELETE ON blocklist FOR EACH ROW EXECUTE FUNCTION tell_recipient();

CREATE FUNCTION tell_suppression() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('notification_suppressions', json_build_array(coalesce(NEW.tenant_id, OLD.tenant_id), coalesce(NEW.channel, OLD.channel), coalesce(NEW.address, OLD.address))::text);
  RETURN NULL;
END $$;
CREATE TRIGGER tell_suppression AFTER INSERT OR UPDATE OR DELETE ON suppressions FOR EACH ROW EXECUTE FUNCTION tell_suppression();
