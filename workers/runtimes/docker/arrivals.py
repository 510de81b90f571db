"""What lies on a host of an artifact that is on its way: the scripts that look, hash, name, drop.

A file grows as a part, and the host computes its sha256 while it grows: a command of its own reads
behind whoever writes, and outlives him. Who goes on with what a killed worker has left finds it
hashed, or has it read again while the rest comes. The sum is believed for the very file (its
inode) that it was computed of.
"""

from dataclasses import dataclass

from models_app.domain.specs import ArtifactRef
from workers.runtimes.docker.errors import meaning
from workers.runtimes.docker.helper import Helper
from workers.runtimes.docker.naming import MODELS, artifact_path

PARTS = f"{MODELS}/.part"
UNIT = 64 << 10  # offsets are multiples of it, on both sides; what a pipe holds
PATIENCE_S = 120  # of the command that hashes, when nothing more comes
NONE = "none"

# Each script gets its words as arguments: $1 is the sha256, checked by the ledger's own grammar.
_LOOK = f"""
mkdir -p {PARTS}
size() {{ stat -c %s "$1" 2>/dev/null || echo 0; }}
size "$2"; size "{PARTS}/$1"
read -r of sum 2>/dev/null < "{PARTS}/$1.sum"
[ -n "$of" ] && [ "$of" = "$(stat -c %i "{PARTS}/$1" 2>/dev/null)" ] && echo "$sum" || echo {NONE}
pid=$(cat "{PARTS}/$1.pid" 2>/dev/null || echo none)
grep -qs "$1" "/proc/$pid/cmdline" && echo busy || echo idle
df -k {MODELS} | tail -n 1
"""
# Reads the part behind its writer. Many writers do no harm: all write the same bytes to the same
# places.
_HASH = f"""
exec 3<> "{PARTS}/$1"
echo $$ > "{PARTS}/$1.pid"; rm -f "{PARTS}/$1.sum"
follow() {{
    at=0; idle=0
    while :; do
        have=$(stat -L -c %s /proc/self/fd/3)
        units=$((have / {UNIT} - at))
        if [ $units -gt 0 ]; then
            dd bs={UNIT} count=$units iflag=fullblock status=none <&3 || return 1
            at=$((at + units)); idle=0
        elif [ "$have" = "$2" ]; then
            cat <&3 && : > "{PARTS}/$1.read"
            return
        elif [ $((idle += 1)) -gt {PATIENCE_S}0 ]; then
            return
        else
            sleep 0.1
        fi
    done
}}
rm -f "{PARTS}/$1.read"
sum=$(follow "$1" "$2" | sha256sum)
[ -f "{PARTS}/$1.read" ] &&
echo "$(stat -L -c %i /proc/self/fd/3) ${{sum%% *}}" > "{PARTS}/$1.sum.new" &&
mv "{PARTS}/$1.sum.new" "{PARTS}/$1.sum"
rm -f "{PARTS}/$1.pid" "{PARTS}/$1.read"
"""
# Waits for the sum for at most $3 tenths of a second.
_NAME = f"""
part="{PARTS}/$1"
for tenth in $(seq 0 "$3"); do
    if read -r of sum 2>/dev/null < "$part.sum" && [ "$of" = "$(stat -c %i "$part")" ]; then
        [ "$sum" = "$1" ] || {{ echo "$sum"; exit 0; }}
        mkdir -p "{MODELS}/$1" && chmod 755 "{MODELS}/$1" && chmod 444 "$part" && sync "$part" &&
        mv "$part" "$2" && sync "{MODELS}/$1" && rm -f "$part".* && echo named
        exit
    fi
    [ "$tenth" = "$3" ] || sleep 0.1
done
echo {NONE}
"""
_DROP = f"""
pid=$(cat "{PARTS}/$1.pid" 2>/dev/null) && grep -qs "$1" "/proc/$pid/cmdline" && kill "$pid"
rm -rf "{PARTS}/$1" "{PARTS}/$1".*
"""
_REMOVE = f'{_DROP}rm -rf "{MODELS}/$1"'


@dataclass(frozen=True, slots=True)
class Arrived:
    """What lies on the host of one artifact."""

    whole_bytes: int  # under its final name
    part_bytes: int
    sha256: str  # of the part; NONE before it was computed
    is_hashing: bool
    free_bytes: int


class Arrivals:
    """The scripts on one host, for one artifact."""

    def __init__(self, helper: Helper, artifact: ArtifactRef) -> None:
        self._helper = helper
        self._artifact = artifact

    def look(self) -> Arrived:
        """Return what is there."""
        text = self._run(_LOOK, artifact_path(self._artifact))
        lines = text.splitlines()
        if len(lines) < len(Arrived.__slots__):
            raise meaning(text or "the helper did not answer")
        return Arrived(
            whole_bytes=int(lines[0]),
            part_bytes=int(lines[1]),
            sha256=lines[2],
            is_hashing=lines[3] == "busy",
            free_bytes=int(lines[4].split()[-3]) << 10,
        )

    def begin_hashing(self) -> None:
        """Start to compute the part's sum; it waits for what has not arrived yet."""
        self._helper.begin(_HASH, self._artifact.sha256, str(self._artifact.size_bytes))

    def name(self, *, seconds: float) -> str:
        """Give the file its name when its sum is right; return the sum, NONE while unknown."""
        tenths = str(int(max(seconds, 0.0) * 10))
        text = self._run(_NAME, artifact_path(self._artifact), tenths, seconds=seconds)
        said = text.strip()
        if said == "named":
            return self._artifact.sha256
        if said != NONE and len(said) != len(self._artifact.sha256):
            raise meaning(text)
        return said

    def drop(self) -> None:
        """Delete what was begun."""
        self._run(_DROP)

    def remove(self) -> None:
        """Delete all of it."""
        self._run(_REMOVE)

    def _run(self, script: str, *words: str, seconds: float = 0.0) -> str:
        """Run it for `seconds` and what else it may need; raise what it complains of."""
        code, text = self._helper.run(script, self._artifact.sha256, *words, seconds=seconds + 60)
        if code:
            raise meaning(text)
        return text
