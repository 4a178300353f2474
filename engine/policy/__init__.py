"""The policy chain: which addons there are, in which order they judge, and what happens when one breaks."""
