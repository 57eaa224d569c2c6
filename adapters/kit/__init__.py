"""What several kinds of partners share."""
