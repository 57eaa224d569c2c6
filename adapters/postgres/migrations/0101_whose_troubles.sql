-- Several processes may share the orders, each with its own lanes: whose words these are, so that each takes back only its own, and
-- those of the dead. '': before that was kept.
ALTER TABLE troubles ADD COLUMN owner text COLLATE "C" NOT NULL DEFAULT '';
