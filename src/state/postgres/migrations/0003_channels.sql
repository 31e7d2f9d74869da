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
