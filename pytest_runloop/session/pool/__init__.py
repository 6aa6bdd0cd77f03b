"""The devboxes that all processes of a run share, and the cap on how many there are."""
