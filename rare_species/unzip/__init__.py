"""unzip."""
