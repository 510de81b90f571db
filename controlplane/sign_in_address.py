"""Where a one-time link leads. Its page asks for a click, so that a preview does not use it up."""


def sign_in_address(secret: str) -> str:
    """Return the path of a sign-in link's page."""
    return f"/sign-in/link/{secret}"
