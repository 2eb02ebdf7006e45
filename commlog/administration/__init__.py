"""What administrators manage, a package each."""
