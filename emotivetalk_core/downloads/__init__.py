"""Public weights, fetched when a user asks for them."""
