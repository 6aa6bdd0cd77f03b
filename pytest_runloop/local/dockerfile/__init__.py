"""Dockerfiles: from text to a plan that a builder can carry out step by step.

`parser` reads the text, `planner` resolves variables, stages and the build context into the values of
`plan`, and `preview` composes the Dockerfile of a blueprint. Nothing here runs a command or starts a box.

The rules are those of Docker's documentation. Where BuildKit is known to differ, the comment at the place
says which way we went.
"""
