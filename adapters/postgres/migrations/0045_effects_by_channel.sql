-- Whose order an effect is for, so that channels take turns in what is taken up again after a start: one that left thousands
-- open keeps no other waiting. Effects that had ended before have no channel; no one looks for them.
ALTER TABLE effects ADD COLUMN channel text COLLATE "C" NOT NULL DEFAULT '';
UPDATE effects e SET channel = o.channel FROM orders o WHERE o.order_id = e.order_id AND e.status IN ('open', 'sought', 'suspended');
DROP INDEX effects_open;
CREATE INDEX effects_open ON effects (lane, channel, due_at, partition) WHERE status IN ('open', 'sought');
