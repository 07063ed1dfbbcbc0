"""What a machine, a person or an attacker does to the pipeline, and what comes of it, counted."""
