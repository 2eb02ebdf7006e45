"""What every channel gets and gives."""
