"""PostgreSQL's types: what each is called, and how its values read as text."""
