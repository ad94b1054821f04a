"""Parameters: definitions and checks, one frozen class per stage; `params.yaml` holds the values.

Code that uses a value lives with its stage, so no stage depends on this folder.
"""
