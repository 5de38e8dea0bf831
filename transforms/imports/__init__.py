"""Whether an import may count."""
