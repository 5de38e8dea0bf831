"""The benchmark: our import and its contenders, side by side on one Postgres (``make bench``)."""
