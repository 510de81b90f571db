"""The demo's hosts: machines that are described, and that this one plays."""
