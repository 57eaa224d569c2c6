"""What did not pass, and what a person does about it."""
