"""What is in the house: tasks for who picks and packs, papers, and reports by hand."""
