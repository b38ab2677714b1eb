"""People: rendered 3-D heads with the drawn heads' motion and ground truth."""
