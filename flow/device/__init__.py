"""Device physics: the magnetic tunnel junctions and the statistics of their switching."""
