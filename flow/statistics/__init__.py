"""Statistics of a population of cells: process variation, sampling, importance sampling, estimates."""
