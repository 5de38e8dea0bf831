"""The contracts of the frames that pass between rooms."""
