"""Who may do what, where: roles that a file gives, and scopes, which say what is within them."""
