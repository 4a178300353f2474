"""Who a client is: the gateway's own tokens, and the optional file of users."""
