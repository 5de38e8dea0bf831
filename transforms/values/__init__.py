"""The values every rule is made of: JSON, numbers, text, days and ids."""
