#!/bin/sh
# Leads one engine's process group: runs it, passes TERM on to it alone, and writes how it ended, so
# that any worker learns it and not only the parent.
#
#   run_engine.sh FOLDER MEMORY_KIB COMMAND [ARGUMENT...]       MEMORY_KIB: a number or "unlimited"
#
# The braces make the shell read all of this before it starts: the file may be replaced by an
# upgrade while engines run.
{
    folder=$1
    memory=$2
    shift 2
    child=
    asked=
    trap 'asked=1; if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; fi' TERM INT HUP

    ulimit -c 0 2>/dev/null
    if [ "$memory" != unlimited ]; then ulimit -d "$memory"; fi
    # When the machine runs out of memory the kernel should take an engine, not the control plane.
    if [ -w /proc/self/oom_score_adj ]; then echo 500 2>/dev/null >/proc/self/oom_score_adj; fi

    "$@" </dev/null &
    child=$!
    # A TERM that came before the line above found nobody to pass it to.
    if [ -n "$asked" ]; then kill -TERM "$child" 2>/dev/null; fi

    # A trapped signal makes `wait` return early. The child is then still there, alive or as a
    # zombie that the next `wait` reads; once `wait` has read its status it is gone.
    while :; do
        wait "$child"
        code=$?
        kill -0 "$child" 2>/dev/null || break
    done

    if echo "$code" >"$folder/exit_code.part"; then
        mv -f "$folder/exit_code.part" "$folder/exit_code"
    fi
    # What the engine left behind in its group, and this shell with it.
    kill -KILL 0
    exit
}
