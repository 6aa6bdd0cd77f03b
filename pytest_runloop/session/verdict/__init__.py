"""Whose fault a failure is: the environment's, if something proves it, else the code's."""
