"""What it costs: write units, read units, round trips and CPU, as one JSON object."""
