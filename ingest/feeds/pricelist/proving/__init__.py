"""What the columns of a list mean, found out from its rows before any of them is read: rules of `proof`, one a module."""
