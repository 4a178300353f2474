"""What is typed at a terminal, and what is seen there."""
