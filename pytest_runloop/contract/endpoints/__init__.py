"""The endpoints of the API, a module per resource; all of them are in `all_endpoints`."""
