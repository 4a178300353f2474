"""What is kept: session files, the index derived from them, and the approvals that wait."""
