"""Films measured by the metrics that papers give: FID, FVD, Sync-C, Sync-D, E-FID."""
