"""What all protocols on HTTP share: targets, identity, credentials, exchanges and their bodies."""
