-- Up Migration

ALTER TABLE notifications
  -- Of email: [{id, filename, contentType, contentId, size}]
  ADD COLUMN attachments jsonb,
  -- What vendors of text messages are told: {codes: {vendor: code}, params: [[name, value]]}
  ADD COLUMN vendor_text jsonb;

-- Which of several providers it was.
ALTER TABLE delivery_attempts ADD COLUMN provider varchar(32);

-- What a template is called at the vendors of text messages: {params: [name], codes: {vendor: code}}
ALTER TABLE template_versions ADD COLUMN vendor jsonb;

-- What took the place of a notification that failed.
CREATE INDEX idx_notifications_parent ON notifications (parent_id) WHERE parent_id IS NOT NULL;

-- Webhooks. As long as a URL may be.
ALTER TABLE suppressions ALTER COLUMN address TYPE varchar(2048);

CREATE TABLE webhook_endpoints (
  id varchar(64) PRIMARY KEY,
  tenant_id varchar(64) NOT NULL,
  -- In its canonical spelling. It is disabled while it is on the suppression list.
  url varchar(2048) NOT NULL,
  description varchar(500),
  -- [{sealed, created_at, expires_at}], the newest first, times in epoch milliseconds
  secrets jsonb NOT NULL,
  last_success_at timestamptz,
  last_failure_at timestamptz,
  last_failure varchar(64),
  -- Since the last success.
  consecutive_failures int NOT NULL DEFAULT 0,
  failing_since timestamptz,
  created_by varchar(64) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, url)
);
CREATE INDEX idx_webhook_endpoints_tenant ON webhook_endpoints (tenant_id, id);

-- A payload has to be shorter than 8000 bytes, or the change fails with it. A key that is too long is told as the
-- empty one, by which everything of the topic is forgotten.
CREATE FUNCTION tell_key(topic text, VARIADIC key text[]) RETURNS void LANGUAGE sql AS $$
  SELECT pg_notify(topic, CASE WHEN octet_length(to_json(key)::text) < 8000 THEN to_json(key)::text ELSE '[]' END)
$$;

-- Not of its health, which changes all the time.
CREATE FUNCTION tell_webhook_endpoint() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  urls text[] = ARRAY[coalesce(NEW.url, OLD.url)];
BEGIN
  IF OLD.url <> NEW.url THEN
    urls = urls || OLD.url::text;
  END IF;
  PERFORM tell_key('notification_webhook_endpoints',
    VARIADIC ARRAY[coalesce(NEW.tenant_id, OLD.tenant_id)::text, coalesce(NEW.id, OLD.id)] || urls);
  RETURN NULL;
END $$;
CREATE TRIGGER tell_webhook_endpoint AFTER INSERT OR DELETE OR UPDATE OF url, secrets ON webhook_endpoints
  FOR EACH ROW EXECUTE FUNCTION tell_webhook_endpoint();

CREATE OR REPLACE FUNCTION tell_suppression() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tell_key('notification_suppressions', coalesce(NEW.tenant_id, OLD.tenant_id),
    coalesce(NEW.channel, OLD.channel), coalesce(NEW.address, OLD.address));
  RETURN NULL;
END $$;

-- Email: files that go with it, each content once a tenant, however many notifications share it.
CREATE TABLE attachments (
  tenant_id varchar(64) NOT NULL,
  -- 'att_' and the SHA-256 of the content, base64url
  id varchar(64) NOT NULL,
  content bytea NOT NULL,
  -- After this it is looked at whether a notification names it.
  keep_until timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
-- Most files are compressed as they are.
ALTER TABLE attachments ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX idx_attachments_keep_until ON attachments (keep_until);
-- Which notifications name a content.
CREATE INDEX idx_notifications_attachments ON notifications
  USING gin (jsonb_path_query_array(attachments, '$[*].id')) WHERE attachments IS NOT NULL;

-- An endpoint that is enabled again has its time before it can be disabled as failing. Before and not after the
-- deletion, because what is seen of endpoints is written in this order, too: otherwise the two could deadlock.
CREATE FUNCTION restart_webhook_endpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE webhook_endpoints SET consecutive_failures = 0, failing_since = NULL
  WHERE tenant_id = OLD.tenant_id AND url = OLD.address;
  RETURN OLD;
END $$;
CREATE TRIGGER restart_webhook_endpoint BEFORE DELETE ON suppressions FOR EACH ROW
  WHEN (OLD.channel = 'webhook') EXECUTE FUNCTION restart_webhook_endpoint();

-- Push: since when each of the devices has been in the entry, in their order, in epoch milliseconds. A device
-- that is found gone is only removed when it was not registered afterwards.
ALTER TABLE recipients ADD COLUMN devices_since jsonb NOT NULL DEFAULT '[]';

CREATE FUNCTION date_devices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.devices = '[]' THEN
    NEW.devices_since = '[]';
    RETURN NEW;
  END IF;
  NEW.devices_since = (
    SELECT jsonb_agg(coalesce(known.since, to_jsonb(floor(extract(epoch FROM now()) * 1000))) ORDER BY given.n)
    FROM jsonb_array_elements(NEW.devices) WITH ORDINALITY AS given(device, n)
    LEFT JOIN LATERAL (
      SELECT OLD.devices_since -> (listed.n::int - 1) AS since
      FROM jsonb_array_elements(CASE TG_OP WHEN 'UPDATE' THEN OLD.devices ELSE '[]' END) WITH ORDINALITY AS listed(device, n)
      WHERE listed.device = given.device LIMIT 1) AS known ON true);
  RETURN NEW;
END $$;
CREATE TRIGGER date_devices BEFORE INSERT OR UPDATE OF devices ON recipients FOR EACH ROW EXECUTE FUNCTION date_devices();
