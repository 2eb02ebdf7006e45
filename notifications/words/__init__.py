"""The words of messages: splitting texts into them, and the index that finds them."""
