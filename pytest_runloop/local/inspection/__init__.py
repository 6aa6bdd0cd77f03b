"""Reads out of the files of a repository what it is made of. Nothing of it is run."""
