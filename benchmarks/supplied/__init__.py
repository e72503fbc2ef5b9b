"""A supplier without a network: what remains is our own work."""
