"""What the scripts that prepare a machine read of it and change on it. One concept a file; nothing here prints.

Every path goes through a `tree.Tree`, so that tests can put a recorded machine in the place of the real one.
"""
