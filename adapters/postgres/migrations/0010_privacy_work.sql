-- What carrying out requests about customers' data needs. See docs/privacy.md.

-- The customer's telephone number, a keyed hash like the others.
ALTER TABLE body_keys ADD COLUMN phone bytea;
CREATE INDEX body_keys_phone ON body_keys (phone) WHERE phone IS NOT NULL;

-- `forced`: a person said not to wait for orders that are under way.
ALTER TABLE privacy_requests
    ADD COLUMN phones bytea[] NOT NULL DEFAULT '{}',
    ADD COLUMN forced boolean NOT NULL DEFAULT false;
