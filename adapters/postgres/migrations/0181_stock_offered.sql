-- What each channel was told last of the units that may be sold, by place and SKU, and what became of it. A figure is told again when
-- it differs, and once in a while. Nothing is written here where no channel is told.
CREATE TABLE stock_offered (
    channel text COLLATE "C" NOT NULL,
    place text COLLATE "C" NOT NULL,
    sku text COLLATE "C" NOT NULL,
    units bigint NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('told', 'same', 'unknown', 'refused')),
    why text NOT NULL DEFAULT '',
    PRIMARY KEY (channel, place, sku)
);
