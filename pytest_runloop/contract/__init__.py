"""The Runloop API, declared once: parameters, views and endpoints.

The client builds its requests from these declarations, the local backend its routes and its
validation, and tests iterate over them. Nothing here imports anything else of this package.
"""
