"""The sources of an import: files, object storage, mappings and their readers."""
