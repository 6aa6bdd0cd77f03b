"""The objects of the API."""
