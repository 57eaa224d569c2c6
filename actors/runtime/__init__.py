"""What runs orders: one actor each, mailboxes, timers, lanes to partners, and ports."""
