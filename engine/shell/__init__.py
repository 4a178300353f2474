"""What a command line says."""
