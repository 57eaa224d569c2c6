-- Since when each order has been in its stage: what `orderwright_stage_seconds` measures when it leaves. Orders of before don't
-- know (NULL) until they enter their next stage.

ALTER TABLE orders ADD COLUMN stage_since timestamptz;
