"""What all protocols on HTTP share: targets, who the client is, the target's credential, exchanges and their bodies."""
