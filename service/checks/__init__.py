"""What decisions ask about the world beyond their order, and who answers it."""
