"""What the API answers: models that keep fields they do not know, since the service grows."""
