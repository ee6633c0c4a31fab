"""Encoder, network and loss."""
