"""The rules of a catalog: its documents are understood, its references checked, its changes found."""
