"""The plugin beside other plugins and in the modes of pytest and xdist: `python -m tests.matrix`.

One small suite of a user is run in every mode, with each way to reuse devboxes, under a cap, on a service
that outlives the runs and knows afterwards how many devboxes lived at any moment. `make test` runs a sample.
"""
