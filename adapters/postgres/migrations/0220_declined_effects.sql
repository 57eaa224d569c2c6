-- Whether the partner of an effect that can't be looked up had all of it before it said no: a mail server that got the message and then
-- answered 4xx. That is believed once, also over a restart.
ALTER TABLE effects ADD COLUMN declined boolean NOT NULL DEFAULT false;
