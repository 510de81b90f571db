#!/usr/bin/env python3
"""Run an administrative task: `python manage.py help` lists them."""

import os
import sys


def main() -> None:
    """Check the ground that every command stands on, then let Django run the command."""
    if sys.version_info < (3, 11):  # noqa: UP036 (run by hand, it may meet any Python)
        sys.exit("Slipway needs Python 3.11 or newer, not " + sys.version.split()[0] + ".")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.base")
    from controlplane.launch.preflight import RefusedError, check_place

    try:
        check_place()
    except RefusedError as refusal:
        sys.exit(str(refusal))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
