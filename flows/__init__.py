"""What acts: files, object storage, Postgres, Prefect, the clock and the command line."""
