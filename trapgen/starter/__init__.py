"""The starter corpus: trap loops written by this project, under its licence."""
