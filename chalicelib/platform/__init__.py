"""What every domain stands on: settings, storage, HTTP, credentials, logs. Knows no domain."""
