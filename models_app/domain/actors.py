"""Who asks: every read and write of the ledger names one."""

from dataclasses import dataclass

from models_app.domain.errors import NotAllowedError
from models_app.domain.states import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a script with a token, a command, or Slipway itself (`user_id` None)."""

    user_id: int | None
    name: str
    role: Role
    via: str  # page, api, live, command, system
    address: str = ""
    request_id: str = ""

    def require(self, role: Role) -> None:
        """Raise NotAllowedError unless the actor's role includes `role`."""
        if not self.role.allows(role):
            raise NotAllowedError(params={"needed": str(role), "role": str(self.role)})


SYSTEM = Actor(user_id=None, name="slipway", role=Role.ADMIN, via="system")
