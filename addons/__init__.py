"""The shipped policies, each a script that a user could have written."""
