"""From a number of the report back to everything it depends on, and the same number made anew."""
