"""Fax: a channel that is not there, to see what one more costs. It is copied to
notifications/channels/fax.
"""
