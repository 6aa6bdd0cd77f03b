"""`pytest-runloop doctor`: what a run of tests here would get, what is missing, and how to get it."""
