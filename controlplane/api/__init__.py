"""The REST API for scripts: `/api/v1`, one router file per resource. No logic of its own."""
