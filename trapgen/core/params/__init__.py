"""Parameters: definitions and checks alone, a frozen class a stage. `params.yaml` holds the values.

What a stage does with a value stands where it is used: no stage depends on this folder.
"""
