# Generated from ../_async/__init__.py by scripts/unasync.py: change that file, and run the script.
"""The objects of the API."""
