-- The audit is read by person, by verb and by time in the console, newest first. An auditor sees orders without personal data, and the
-- audit; decides nothing. Mappings are changed in the console, too.
CREATE INDEX audit_people ON audit (person COLLATE "C", id);
CREATE INDEX audit_actions ON audit (action COLLATE "C", id);
CREATE INDEX audit_times ON audit (at);

ALTER TABLE users DROP CONSTRAINT users_role_check;
ALTER TABLE users ADD CONSTRAINT users_role_check CHECK (role IN ('viewer', 'auditor', 'finance', 'warehouse', 'agent', 'operator', 'admin'));

ALTER TABLE mappings DROP CONSTRAINT mappings_source_check;
ALTER TABLE mappings ADD CONSTRAINT mappings_source_check CHECK (source IN ('api', 'command line', 'console', 'file'));
