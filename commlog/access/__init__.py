"""Who has read what messages say: written down as it is shown, and read again."""
