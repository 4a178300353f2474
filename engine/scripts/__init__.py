"""Scripts: found, loaded aside, checked, put in force as a whole, and loaded again when they are saved."""
