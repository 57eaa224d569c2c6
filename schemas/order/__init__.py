"""The order itself: its canonical form, money, ids, and who its customer is."""
