"""The names of the API. Commands speak them too."""
