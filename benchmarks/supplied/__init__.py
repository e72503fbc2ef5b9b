"""A supplier without a network, so that a benchmark measures our own work alone."""
