-- Who has approved a review so far, and who stands in for whom.

-- `instead_of` is the approver whose limit counted, where the person is that one's deputy ('' for the person's own). An approval counts
-- for what the order came to then.
CREATE TABLE review_approvals (
    review_id bigint NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    person text NOT NULL,
    instead_of text NOT NULL,
    currency text NOT NULL,
    total_minor bigint NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (review_id, person)
);

-- One absence for each approver: until when, and who decides meanwhile.
CREATE TABLE approver_absences (
    person text PRIMARY KEY,
    deputy text NOT NULL,
    until_at timestamptz NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL
);
