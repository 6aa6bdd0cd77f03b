"""Tests of the plugin, each in a pytest run of its own."""
