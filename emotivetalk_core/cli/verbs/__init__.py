"""What the verbs do. Each module is imported when its verb is called, and imports at its top all that it needs."""
