"""What the pipelines room publishes to the app."""

from guildbank.infra.http import Code
from guildbank.infra.room import PluginUse, Room
from guildbank.pipelines.http import READ, ROUTES, WRITE
from guildbank.pipelines.jobs import JOBS
from guildbank.pipelines.store import USES_OF_PLUGIN
from guildbank.pipelines.usecases.limit_versions import limit_versions
from guildbank.pipelines.usecases.publish import APPROVABLE as PUBLISHING
from guildbank.pipelines.usecases.publish import PERMISSION, PUBLISHED, ROLLED_BACK
from guildbank.pipelines.usecases.save_revision import REVISION_SAVED
from guildbank.pipelines.usecases.set_secrets import APPROVABLE as SETTING
from guildbank.pipelines.usecases.set_secrets import SECRETS_SET

ROOM = Room(
    name="pipelines",
    routes=ROUTES,
    jobs=JOBS,
    approvables=(PUBLISHING, SETTING),
    plugin_uses=(PluginUse("a published revision", USES_OF_PLUGIN),),
    plugin_limits=(limit_versions,),
    scopes={
        READ: "Read pipelines and their revisions.",
        WRITE: "Draft and check revisions of pipelines.",
        PERMISSION: "Publish revisions, roll them back, and set the secrets of steps.",
    },
    held_by={
        READ: ("finance", "support", "compliance", "analyst", "developer"),
        WRITE: ("developer",),
    },
    events={
        REVISION_SAVED: "A revision of a pipeline was saved.",
        SECRETS_SET: "Secrets of a step were set, which no entry holds.",
        PUBLISHED: "A revision of a pipeline runs from now on, for all or for a share.",
        "plugins.installed": "Somebody at the host installed a plugin; of the deployment alone.",
        "plugins.removed": "Somebody at the host removed a plugin; of the deployment alone.",
        ROLLED_BACK: "The last publication of a pipeline was taken back.",
    },
    codes=(
        Code("invalid_pipeline", 422, "The steps cannot run; `field` names the first problem."),
        Code("step_not_started", 409, "A plugin did not start, so what ran before runs on."),
        Code("pipeline_moved", 409, "Another revision was published meanwhile."),
        Code("pipeline_unavailable", 503, "A step does not start here, nor does what ran before."),
        Code("nothing_to_roll_back", 409, "Nothing was published before."),
        Code("purchase_vetoed", 403, "A check of the tenant's pipeline refuses the purchase."),
        Code("operation_vetoed", 403, "A hook of the tenant refuses the operation."),
        Code(
            "gate_unavailable",
            503,
            "A check or hook did not answer, so what it is asked about is refused.",
        ),
    ),
)
