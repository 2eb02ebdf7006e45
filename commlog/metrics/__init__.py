"""What Prometheus reads: from the database what all hosts share, from this server's processes what they
answer.
"""
