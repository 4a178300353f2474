"""What a statement says, read off its text."""
