"""Who gets in, on both sides."""
