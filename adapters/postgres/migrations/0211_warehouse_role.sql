-- Who picks and packs: sees tasks, papers and labels, and reports; decides nothing about orders.

ALTER TABLE users DROP CONSTRAINT users_role_check;
ALTER TABLE users ADD CONSTRAINT users_role_check CHECK (role IN ('viewer', 'warehouse', 'agent', 'operator', 'admin'));
