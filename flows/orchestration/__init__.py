"""Prefect: the flow, its tasks, the deployments and the local stack."""
