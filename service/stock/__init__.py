"""Stock: what lies where, by whom it was counted, and what is promised of it."""
