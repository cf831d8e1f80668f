"""Digital eNVM synaptic cores: area, latency, energy, and online learning in them."""
