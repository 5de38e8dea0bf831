"""The sources of an import: files, object storage, mappings, and the readers of each format."""
