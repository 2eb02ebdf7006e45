"""The words of messages: how a text comes apart into them, and the index through which they are found."""
