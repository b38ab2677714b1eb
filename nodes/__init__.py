"""The nodes: each one a schema, and an `execute` that turns host values into one call of the core and back."""
