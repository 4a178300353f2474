"""What happens on a connection once its client is in: channels, and the commands that open them."""
