"""Routes of pipelines, and the scopes that they ask for."""

from guildbank.pipelines.http import dry_run, published, revisions, step_fields
from guildbank.pipelines.http.views import READ, WRITE

ROUTES = (*published.ROUTES, *revisions.ROUTES, *step_fields.ROUTES, *dry_run.ROUTES)

__all__ = ["READ", "ROUTES", "WRITE"]
