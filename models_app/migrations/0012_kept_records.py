"""What the database itself holds: one sample per minute, audit entries that nobody edits or deletes.

The triggers let one change through: an entry's link to its actor goes when that user is deleted
(the name stays).
"""

from django.db import migrations, models
from django.db.models import Q

TABLE = "models_app_auditentry"
HELD = (
    "id", "public_id", "at", "actor_name", "via", "address", "request_id", "action",
    "subject_kind", "subject_id", "subject_name", "changes",
)  # fmt: skip
TOLD = "audit entries are only ever added"
COLUMNS = ", ".join(f'"{name}"' for name in HELD)

SQLITE = (
    f'CREATE TRIGGER audit_no_update BEFORE UPDATE OF {COLUMNS} ON "{TABLE}" '
    f"BEGIN SELECT RAISE(ABORT, '{TOLD}'); END",
    f'CREATE TRIGGER audit_no_delete BEFORE DELETE ON "{TABLE}" '
    f"BEGIN SELECT RAISE(ABORT, '{TOLD}'); END",
)
SQLITE_UNDO = ("DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete")
POSTGRES = (
    "CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{TOLD}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
    f'CREATE TRIGGER audit_no_update BEFORE UPDATE OF {COLUMNS} ON "{TABLE}" '
    "FOR EACH ROW EXECUTE FUNCTION audit_is_kept()",
    f'CREATE TRIGGER audit_no_delete BEFORE DELETE ON "{TABLE}" '
    "FOR EACH ROW EXECUTE FUNCTION audit_is_kept()",
)
POSTGRES_UNDO = (
    f'DROP TRIGGER IF EXISTS audit_no_update ON "{TABLE}"',
    f'DROP TRIGGER IF EXISTS audit_no_delete ON "{TABLE}"',
    "DROP FUNCTION IF EXISTS audit_is_kept()",
)


def hold(_apps, editor):
    for statement in SQLITE if editor.connection.vendor == "sqlite" else POSTGRES:
        editor.execute(statement, params=None)


def let_go(_apps, editor):
    for statement in SQLITE_UNDO if editor.connection.vendor == "sqlite" else POSTGRES_UNDO:
        editor.execute(statement, params=None)


def keep_one_per_minute(apps, _editor):
    """Two workers may have rolled the same minute up at once, before the database held it."""
    for name, owner in (("HostSample", "host_id"), ("ReplicaSample", "replica_id")):
        samples = apps.get_model("models_app", name).objects.filter(resolution=60)
        firsts = samples.values(owner, "at").annotate(first=models.Min("id")).values("first")
        samples.exclude(id__in=firsts).delete()


class Migration(migrations.Migration):
    dependencies = [("models_app", "0011_captures")]

    operations = [
        migrations.RunPython(keep_one_per_minute, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="hostsample",
            constraint=models.UniqueConstraint(
                condition=Q(("resolution", 60)),
                fields=("host", "at"),
                name="host_sample_one_per_minute",
            ),
        ),
        migrations.AddConstraint(
            model_name="replicasample",
            constraint=models.UniqueConstraint(
                condition=Q(("resolution", 60)),
                fields=("replica", "at"),
                name="replica_sample_one_per_minute",
            ),
        ),
        migrations.RunPython(hold, let_go),
    ]
