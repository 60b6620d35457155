"""Who pays and what is measured: organizations, API keys, settings, meters."""
