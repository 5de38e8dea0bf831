"""The second reading: the rules of the domain in plain Python, slow and obvious.

Written from the rules alone, with the standard library alone; it imports nothing of schemas, transforms or flows. It
reads the same folders and files as the project does and says what must come out.
"""
