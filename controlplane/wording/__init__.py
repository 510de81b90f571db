"""What codes and figures are called for people, in their language."""
