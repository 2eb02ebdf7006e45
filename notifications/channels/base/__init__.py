"""The contract and the parts that all channels share."""
