"""The EVENT_STREAM channel."""
