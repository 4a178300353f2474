"""Objects: their schemas, where they are kept, how they change."""
